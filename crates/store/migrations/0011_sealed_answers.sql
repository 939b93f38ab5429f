-- Which master key sealed a kept answer, in a column of its own, so that a rotation finds it. Until now the key's sixteen
-- digits stood before the answer, on a line of their own.
ALTER TABLE idempotency ADD COLUMN sealed_with TEXT;
UPDATE idempotency SET sealed_with = substr(answer, 1, 16), answer = substr(answer, 18) WHERE answer IS NOT NULL;
