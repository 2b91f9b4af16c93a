-- The number of the rule for candidates. Rule 1 did not subtract the devices for whose hardware a wave has no target.

ALTER TABLE rollouts ADD COLUMN candidates_rule INTEGER DEFAULT 1;
