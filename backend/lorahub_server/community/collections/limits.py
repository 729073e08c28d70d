"""How much a collection holds. Lengths in characters."""

TITLE_MAX = 60
DESCRIPTION_MAX = 150
NOTE_MAX = 500
ITEMS_MAX = 500
COLLECTIONS_MAX = 500  # of one account
THEMES = ("orange", "blue", "green", "purple", "pink", "indigo")
