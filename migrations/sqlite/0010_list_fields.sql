-- compatible_from: 6
-- Fields that are sent with the members of a list. Programs of versions 6 to 9 go on: they send none, and the new column stays as
-- it is.

ALTER TABLE rollcall_list_members ADD COLUMN values_held BLOB;  -- a bit for each field that held a value when the member was last sent
