-- Denied devices, and versions that were reported without a time.
-- Lines of the audit log from before this migration lack both columns, and a replay gives them these defaults. So the
-- defaults have to mean what these lines meant: a device that was deleted then is denied now.

-- A deleted device is on the denied list unless it is `allowed`. Deleted devices keep their name from now on.
ALTER TABLE devices ADD COLUMN allowed BOOLEAN DEFAULT false;

-- When the target version was reported, in seconds since 1970; only where that is later than `last_seen`.
ALTER TABLE devices ADD COLUMN version_at UINTEGER;
