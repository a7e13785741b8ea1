-- What a restart asks: which runs are not over, which threads are not up to date, is there a halt.

ALTER TABLE runs ADD COLUMN finished INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN channel TEXT;  -- of the thread, where there is one
ALTER TABLE runs ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;  -- its thread says its last word

UPDATE runs SET
  finished = last_event = 'run_finished',
  settled = last_event = 'run_finished',
  channel = (SELECT json_extract(body, '$.channel') FROM events e WHERE e.run = runs.run AND seq = 1);

DROP INDEX runs_unfinished;
CREATE INDEX runs_unfinished ON runs (run) WHERE finished = 0;
CREATE INDEX runs_unsettled ON runs (run) WHERE settled = 0 AND channel IS NOT NULL;

-- An event may follow a run's end (a vote that came too late); only going on makes it unfinished.
DROP TRIGGER events_are_noted;
-- What stands in an index is written only when it changes: most commits are two pages the shorter.
CREATE TRIGGER events_are_noted AFTER INSERT ON events BEGIN
  UPDATE runs SET last_seq = NEW.seq, last_event = NEW.event WHERE run = NEW.run;
  UPDATE runs SET settled = 0 WHERE run = NEW.run AND settled = 1;
  UPDATE runs SET channel = json_extract(NEW.body, '$.channel')
    WHERE run = NEW.run AND NEW.event = 'run_started';
  UPDATE runs SET finished = 1 WHERE run = NEW.run AND NEW.event = 'run_finished';
  UPDATE runs SET finished = 0
    WHERE run = NEW.run AND finished = 1 AND NEW.event IN ('stage_entered', 'restore_asked');
  UPDATE runs SET open_from = NEW.seq
    WHERE run = NEW.run AND open_from IS NULL AND NEW.event = 'fault_planned';
  UPDATE runs SET open_from = NULL WHERE run = NEW.run AND NEW.event = 'fault_rolled_back';
END;

-- A message that is meant to be posted has an empty ts until it is known where it stands.
CREATE INDEX messages_by_place ON messages (channel, ts);

CREATE TABLE control (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  event TEXT NOT NULL,
  body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;

CREATE INDEX control_halts ON control (position) WHERE event IN ('halted', 'resumed');

CREATE TRIGGER control_is_not_changed BEFORE UPDATE ON control BEGIN
  SELECT raise(ABORT, 'history is not changed');
END;

CREATE TRIGGER control_is_not_deleted BEFORE DELETE ON control BEGIN
  SELECT raise(ABORT, 'history is not deleted');
END;
