-- The audit log has checkpoints, and its payloads are in segments: a program that does not know them must not open it.
-- The tables stay as they are; `meta` gets the key `checkpoints`, the revisions of the last two.
SELECT 1;
