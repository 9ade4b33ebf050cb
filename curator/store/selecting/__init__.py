"""Selections as SQL: which items meet conditions, as ids in order. No row of an item comes out, and no path.

| module | what is in it |
|---|---|
| `conditions` | what items may have to meet, as a tree |
| `compiled` | such a tree as SQL |
| `ids` | who meets it |
| `texts` | how texts and names of files are compared |
| `saved` | selections that were kept by a name |
"""

from curator.store.selecting.conditions import Conditions
from curator.store.selecting.ids import Ids, Selecting

__all__ = ["Conditions", "Ids", "Selecting"]
