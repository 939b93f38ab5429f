-- From where it was done: the network address of whoever asked. Null for what no request asked for, and for older entries.
ALTER TABLE audit_entry ADD COLUMN address TEXT;
