"""python -m gluonattn"""

from .cli import main

main()
