"""python -m gluonattn"""

from .cli.app import main

main()
