-- Which node a start of the server was of: several may work on one PostgreSQL database, and a start takes over only from
-- former starts of its own node. Those of before this column were all of one.
ALTER TABLE boot ADD COLUMN node TEXT NOT NULL DEFAULT '';
CREATE INDEX boot_of_node ON boot (node, started_at);
