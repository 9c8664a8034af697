-- The words of section "Images": what the last look at each cloud saw, and what was done.
-- Every statement can be executed a second time without effect.

-- The last look at each cloud.
CREATE TABLE IF NOT EXISTS images_look (
  cloud TEXT NOT NULL PRIMARY KEY,
  at_us BIGINT NOT NULL,
  digest TEXT NOT NULL,
  notes TEXT NOT NULL
);

-- One row per image that is there or declared. place is the position in the order of names.
CREATE TABLE IF NOT EXISTS images_entry (
  cloud TEXT NOT NULL,
  place BIGINT NOT NULL,
  name TEXT NOT NULL,
  image TEXT,
  standing TEXT NOT NULL,
  entry TEXT NOT NULL,
  PRIMARY KEY (cloud, place)
);
CREATE INDEX IF NOT EXISTS images_entry_name ON images_entry (cloud, name);
CREATE INDEX IF NOT EXISTS images_entry_standing ON images_entry (cloud, standing, place);

-- What was done to images.
CREATE TABLE IF NOT EXISTS images_deed (
  id TEXT NOT NULL PRIMARY KEY,
  cloud TEXT NOT NULL,
  name TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  deed TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS images_deed_of ON images_deed (cloud, name, at_us, id);
