-- compatible_from: 6
-- Fields that are sent with the members of a list. Programs of versions 6 to 9 go on: they send none, and the new column stays as
-- it is.

ALTER TABLE list_members
    ADD COLUMN values_held  bytea;      -- a bit for each field that held a value when the member was last sent; NULL: none
