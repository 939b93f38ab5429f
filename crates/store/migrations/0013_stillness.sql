-- A sandbox that stands still: since when it does, which person wants it to, and for how long it did before that. Its time
-- limit does not count that time. NULL for one that runs.
ALTER TABLE step ADD COLUMN still_since BIGINT;
ALTER TABLE step ADD COLUMN paused_by TEXT;
ALTER TABLE step ADD COLUMN still_ms BIGINT NOT NULL DEFAULT 0;
