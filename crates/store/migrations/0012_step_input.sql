-- What people tell the agents of steps: each is given to the agent once, in the order of the numbers.
CREATE TABLE step_input (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL REFERENCES project (id),
    run TEXT NOT NULL REFERENCES run (id),
    step TEXT NOT NULL REFERENCES step (id),
    kind TEXT NOT NULL,
    -- The text of a message, the name of a model; empty for what needs no more words.
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    settled_at BIGINT
);
CREATE INDEX step_input_of_project ON step_input (project);
CREATE INDEX step_input_of_run ON step_input (run);
CREATE INDEX step_input_of_step ON step_input (step, id);
CREATE INDEX step_input_waiting ON step_input (step, id) WHERE status = 'waiting';
