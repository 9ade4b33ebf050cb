"""The language in which people say which items they mean: `label:hat -under:drafts (width>=1000 or text~"refund")`.

A text becomes an expression, an expression conditions, conditions SQL:

| module | what is in it |
|---|---|
| `expression` | an expression, and how it is written down |
| `grammar.lark`, `parsing` | from a text to an expression, or to what is wrong with it and where |
| `fields` | what can be asked for: **a new field is a row there** |
| `values` | numbers, sizes and dates as people write them |
| `meaning` | from an expression to conditions, in which saved selections are put in |
| `names` | what the names of labels, groups and folders mean |
| `saved`, `keeping` | selections that are kept by a name: found, saved and removed |
| `completing` | how a text that is being typed may go on |

What the conditions become is up to `curator.store.selecting`.
"""
