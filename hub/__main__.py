"""`python -m hub`: the same words as `./kumapo hub`."""

from hub.commands import hub

if __name__ == "__main__":
    hub(prog_name="hub")
