"""The desk's pages of single records, and of one journal counted again."""
