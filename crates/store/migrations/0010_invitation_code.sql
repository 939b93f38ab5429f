-- What an invitation is accepted with where no mail proves addresses: the SHA-256 of a code that was shown once to whoever
-- invited. NULL where mail takes the invitation to its reader.
ALTER TABLE invitation ADD COLUMN code_sha256 TEXT;
