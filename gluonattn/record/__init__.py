"""The attention record: the common form of attention from every source (numpy only).

Each file imports only files above it in this list:
`tokens`, `positions`, `units` (joined tokens), `container` (header and arrays in a file), `schema` (types of a saved
header), `checks` (the rules of a record), `record`, `loading`,
`modes` (rollout, value-weighted, difference), `pairs`, `parts`.
"""

from .checks import KINDS as KINDS
from .checks import ROW_SUM_TOLERANCE as ROW_SUM_TOLERANCE
from .container import FORMAT as FORMAT
from .loading import load_record as load_record
from .parts import Part as Part
from .parts import numbers_of as numbers_of
from .parts import place_in_model as place_in_model
from .positions import position as position
from .positions import positions as positions
from .record import AttentionRecord as AttentionRecord
from .tokens import Prediction as Prediction
from .tokens import Token as Token
from .units import eojeol_groups as eojeol_groups
