-- Tickets: at most one open one for each cluster, invariant and subject.

CREATE TABLE tickets (
  id INTEGER PRIMARY KEY,
  cluster TEXT NOT NULL,
  invariant TEXT NOT NULL,
  subject TEXT NOT NULL,
  severity TEXT NOT NULL,
  text TEXT NOT NULL,
  occurrences INTEGER NOT NULL DEFAULT 1,
  first_seen TEXT NOT NULL,
  last_seen TEXT NOT NULL,
  resolved_at TEXT
) STRICT;

CREATE UNIQUE INDEX tickets_open ON tickets (cluster, invariant, subject)
  WHERE resolved_at IS NULL;
CREATE INDEX tickets_by_invariant ON tickets (cluster, invariant, id)
  WHERE resolved_at IS NOT NULL;
CREATE INDEX tickets_by_subject ON tickets (cluster, subject, id)
  WHERE resolved_at IS NOT NULL;
