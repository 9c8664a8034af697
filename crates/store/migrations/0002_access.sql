-- The words of section "Access": sessions, tokens, tickets, answers; and the indexes that the pages of the audit log need.
-- No secret is kept here: what a browser or a script holds is known by its SHA-256 (64 hexadecimal digits) only.
-- Every statement can be executed a second time without effect.

-- Who is signed in. A session ends at until_us, or when it has not been seen for a while, or when it is removed.
CREATE TABLE IF NOT EXISTS session (
  hash TEXT NOT NULL PRIMARY KEY,
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  roles TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  seen_us BIGINT NOT NULL,
  until_us BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS session_until ON session (until_us);

-- What scripts sign in with. A revoked token keeps its row for a while, so that people see what became of it.
CREATE TABLE IF NOT EXISTS token (
  id TEXT NOT NULL PRIMARY KEY,
  hash TEXT NOT NULL,
  name TEXT NOT NULL,
  owner TEXT NOT NULL,
  scopes TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  until_us BIGINT NOT NULL,
  used_us BIGINT,
  revoked_us BIGINT
);
CREATE UNIQUE INDEX IF NOT EXISTS token_hash ON token (hash);
CREATE INDEX IF NOT EXISTS token_owner ON token (owner, id);

-- Secrets that are good for one use: sign-ins under way, links that sign in.
CREATE TABLE IF NOT EXISTS ticket (
  hash TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  detail TEXT NOT NULL,
  until_us BIGINT NOT NULL
);
CREATE INDEX IF NOT EXISTS ticket_until ON ticket (until_us);

-- What a write with an idempotency key was answered. A row without status is a write under way, or one that died.
CREATE TABLE IF NOT EXISTS answer (
  actor TEXT NOT NULL,
  name TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status BIGINT,
  body TEXT,
  until_us BIGINT NOT NULL,
  PRIMARY KEY (actor, name)
);
CREATE INDEX IF NOT EXISTS answer_until ON answer (until_us);

CREATE INDEX IF NOT EXISTS audit_actor ON audit (actor, seq);
CREATE INDEX IF NOT EXISTS audit_object ON audit (object, seq);
