"""Where kiosks are answered: their batches and questions by HTTP, and batches that come on a stick."""
