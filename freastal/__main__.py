"""python -m freastal: the same as the command freastal."""

from ._cli import main

if __name__ == "__main__":
    main()
