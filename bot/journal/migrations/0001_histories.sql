-- Histories: each run is its events, in order, and nothing is ever changed or taken away.

CREATE TABLE runs (
  run INTEGER PRIMARY KEY AUTOINCREMENT,
  last_seq INTEGER NOT NULL DEFAULT 0,
  last_event TEXT NOT NULL DEFAULT '',
  open_from INTEGER  -- seq of the oldest fault_planned since the last fault_rolled_back
) STRICT;

-- These two keep `unfinished` and `open_injections` as fast as what they find is short.
CREATE INDEX runs_unfinished ON runs (run) WHERE last_event <> 'run_finished';
CREATE INDEX runs_broken ON runs (run) WHERE open_from IS NOT NULL;

CREATE TABLE events (
  position INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order in which all runs' events were committed
  run INTEGER NOT NULL REFERENCES runs (run),
  seq INTEGER NOT NULL CHECK (seq > 0),
  at TEXT NOT NULL,
  event TEXT NOT NULL,
  body TEXT NOT NULL CHECK (json_valid(body)),
  UNIQUE (run, seq)
) STRICT;

CREATE TRIGGER events_are_noted AFTER INSERT ON events BEGIN
  UPDATE runs SET
    last_seq = NEW.seq,
    last_event = NEW.event,
    open_from = CASE NEW.event
      WHEN 'fault_planned' THEN coalesce(open_from, NEW.seq)
      WHEN 'fault_rolled_back' THEN NULL
      ELSE open_from
    END
  WHERE run = NEW.run;
END;

CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events BEGIN
  SELECT raise(ABORT, 'history is not changed');
END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events BEGIN
  SELECT raise(ABORT, 'history is not deleted');
END;

CREATE TRIGGER runs_are_not_deleted BEFORE DELETE ON runs BEGIN
  SELECT raise(ABORT, 'history is not deleted');
END;
