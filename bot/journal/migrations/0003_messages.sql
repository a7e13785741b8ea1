-- Messages: where the views' messages of a run stand.

CREATE TABLE messages (
  run INTEGER NOT NULL REFERENCES runs (run),
  key TEXT NOT NULL,
  channel TEXT NOT NULL,
  ts TEXT NOT NULL,
  PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;
