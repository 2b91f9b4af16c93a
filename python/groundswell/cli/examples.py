"""The examples in the help of each command: whole command lines, to be pasted. A test parses every one of them."""

from __future__ import annotations

from typing import Final

__all__ = ["EXAMPLES"]

EXAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "": (
        "groundswell init acme --name acme",
        "groundswell -C acme devices import fleet.csv",
        "groundswell -C acme status",
    ),
    "select": (
        "groundswell select fleet.csv --group canary --limit 100 -o batch.lst",
        "groundswell select fleet.csv -t production -l 2.5% --exclude @batch.lst",
        "groundswell select fleet.csv -l 100 --seed 7 --now 2026-11-24T00:00:00Z --json",
    ),
    "fleet": (
        "groundswell fleet synth --devices 10000 fleet.csv",
        "groundswell fleet show fleet.csv",
    ),
    "fleet synth": ("groundswell fleet synth --devices 10000 --seed 1 fleet.csv",),
    "fleet show": (
        "groundswell fleet show fleet.csv",
        "groundswell fleet show fleet.parquet --online-threshold 1d --json",
    ),
    "strategies": ("groundswell strategies simulate canary.toml --fleet fleet.csv",),
    "strategies check": (
        "groundswell strategies check slow.toml --fleet fleet.csv -t production",
        "groundswell strategies check slow.toml --wave v216 -C acme",
    ),
    "strategies simulate": (
        "groundswell strategies simulate a.toml b.toml --fleet f.csv --plot pictures",
        "groundswell strategies simulate a.toml --fleet f.csv --scenario 'x: defect=5%'",
    ),
    "uuids": (
        "groundswell uuids check @batch.lst",
        "groundswell uuids check @batch.lst --clean -o tidy.lst",
    ),
    "uuids check": (
        "groundswell uuids check @batch.lst",
        "groundswell uuids check @from-crm.csv --clean --skip-bad -o tidy.lst",
        "cat batch.lst | groundswell uuids check @-",
    ),
    "sets": (
        "groundswell sets --union first.lst second.lst -o all.lst",
        "groundswell sets --minus all.lst stolen.lst",
    ),
    "init": ("groundswell init acme --name acme",),
    "devices": (
        "groundswell devices import fleet.csv",
        "groundswell devices list --group canary --offline",
        "groundswell devices show gw-000017",
    ),
    "devices import": (
        "groundswell devices import fleet.csv --dry-run",
        "groundswell devices import fleet.csv --rejects bad-rows.csv",
        "groundswell devices import sqlite:///registry.db#devices",
        "groundswell devices import x.json --rows-at things --column uuid=thingName",
        "groundswell devices import x.json --uuid5 dns --save-mapping iot",
        "groundswell devices import x.json --mapping iot",
    ),
    "devices mappings": ("groundswell devices mappings list", "groundswell devices mappings show iot"),
    "devices mappings list": ("groundswell devices mappings list --json",),
    "devices mappings show": ("groundswell devices mappings show iot",),
    "devices mappings delete": ("groundswell devices mappings delete iot",),
    "devices list": (
        "groundswell devices list --group canary --offline",
        "groundswell devices list --name 'gw-*' --sort -last-seen",
        "groundswell devices list -t production --uuids > production.lst",
    ),
    "devices show": (
        "groundswell devices show gw-000017",
        "groundswell devices show 6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11 --json",
    ),
    "devices group": (
        "groundswell devices group gw-000017 gw-000018 canary",
        "groundswell devices group @batch.lst canary",
        "groundswell devices group --unset @batch.lst",
    ),
    "devices delete": (
        "groundswell devices delete gw-000017",
        "groundswell devices delete @stolen.lst",
    ),
    "devices allow": (
        "groundswell devices allow 6f1c2f3e-1a6f-4d53-a6c5-0a1e7f7c0a11",
        "groundswell devices allow @found-again.lst",
    ),
    "devices denied": (
        "groundswell devices denied",
        "groundswell devices denied --uuids > denied.lst",
    ),
    "devices export": (
        "groundswell devices export fleet.parquet",
        "groundswell devices export - --format ndjson > fleet.ndjson",
    ),
    "serve": (
        "groundswell serve -C acme",
        "groundswell serve -C acme --tls-cert server.pem --tls-key server.key",
    ),
    "audit": ("groundswell audit list -n 20",),
    "audit list": ("groundswell audit list -n 20", "groundswell audit list --after 100 --json"),
    "audit head": ("groundswell audit head > head.hex",),
    "audit verify": ('groundswell audit verify --head "$(cat head.hex)"',),
    "users": ("groundswell users add alice",),
    "users add": ("groundswell users add alice",),
    "users list": ("groundswell users list",),
    "users disable": ("groundswell users disable alice",),
    "tokens": ("groundswell tokens create --user alice --scope waves,devices",),
    "tokens create": (
        "groundswell tokens create --user alice --scope waves,devices",
        "groundswell tokens create --user ci --scope waves --groups canary",
    ),
    "tokens list": ("groundswell tokens list --user alice",),
    "tokens revoke": ("groundswell tokens revoke 96afac610e53",),
    "groups": (
        "groundswell groups list",
        'groundswell groups create canary --description "first to get it"',
    ),
    "groups create": ('groundswell groups create canary --description "first to get it"',),
    "groups list": ("groundswell groups list",),
    "groups rename": ("groundswell groups rename canary early-adopters",),
    "groups describe": ('groundswell groups describe canary "the lab in Bern"',),
    "groups delete": (
        "groundswell groups delete canary",
        "groundswell groups delete canary --ungroup",
    ),
    "targets": (
        "groundswell targets import targets.json",
        "groundswell targets list --tag main",
    ),
    "targets import": (
        "groundswell targets import targets.json",
        "cat targets.json | groundswell targets import @-",
    ),
    "targets add": (
        "groundswell targets add raspberrypi4-64-lmp-42 --version 42 \\",
        "    --hardware-id raspberrypi4-64 --tag main --sha256 $SHA256",
    ),
    "targets list": (
        "groundswell targets list --tag main",
        "groundswell targets list --production --tag production",
    ),
    "targets show": ("groundswell targets show 42",),
    "targets prune": ("groundswell targets prune 38 39",),
    "keys": (
        "groundswell keys init --root-keys root.keys.tgz \\",
        "    --targets-keys targets.only.key.tgz",
        "groundswell keys show --production",
    ),
    "keys init": (
        "groundswell keys init --root-keys root.keys.tgz \\",
        "    --targets-keys targets.only.key.tgz",
    ),
    "keys show": ("groundswell keys show --production",),
    "keys add-targets": ("groundswell keys add-targets --root-keys root.keys.tgz --targets-keys bob.tgz",),
    "keys rotate": (
        "groundswell keys rotate online --root-keys root.keys.tgz",
        "groundswell keys rotate root --root-keys root.keys.tgz",
    ),
    "keys rotate root": ("groundswell keys rotate root --root-keys root.keys.tgz",),
    "keys rotate targets": (
        "groundswell keys rotate targets --root-keys root.keys.tgz \\",
        "    --targets-keys targets.only.key.tgz",
    ),
    "keys rotate online": (
        "groundswell keys rotate online --root-keys root.keys.tgz",
        "groundswell keys rotate online --root-keys root.keys.tgz --role timestamp",
    ),
    "metadata": (
        "groundswell metadata refresh",
        "groundswell metadata export --device gw-000017 served",
        "groundswell metadata verify served",
    ),
    "metadata export": ("groundswell metadata export --device gw-000017 served",),
    "metadata refresh": ("groundswell metadata refresh",),
    "metadata verify": (
        "groundswell metadata verify served --audience production -t production",
        "groundswell metadata verify today --previous yesterday",
    ),
    "waves": (
        "groundswell waves init -k targets.only.key.tgz v2.0 42 production",
        "groundswell waves rollout v2.0 --group us-east --limit 100",
        "groundswell waves status",
    ),
    "waves init": (
        "groundswell waves init -k targets.only.key.tgz v2.0 42 production --dry-run",
        "groundswell waves init -k targets.only.key.tgz v2.0 42 production",
        "groundswell waves init -k targets.only.key.tgz v2.1 43 production --prune 40",
    ),
    "waves sign": ("groundswell waves sign v2.0 -k bob.tgz",),
    "waves rollout": (
        "groundswell waves rollout v2.0 --group us-east --limit 100",
        "groundswell waves rollout v2.0 --limit 5% --dry-run --plan-out step3.json",
        "groundswell waves rollout v2.0 --apply step3.json",
        "groundswell waves rollout v2.0 --to 25% --online-only",
        "groundswell waves rollout v2.0 --uuids @from-crm.lst --skip-mismatched",
        "groundswell waves rollout v2.0 -l 100 --request-id ticket-17 --if-revision 3",
    ),
    "waves status": (
        "groundswell waves status",
        "groundswell waves status v2.0 --watch",
        "groundswell waves status v2.0 --offline-threshold 1d --json",
    ),
    "waves list": (
        "groundswell waves list --state active",
        "groundswell waves list --tag production --json",
    ),
    "waves show": ("groundswell waves show v2.0",),
    "waves complete": ("groundswell waves complete v2.0",),
    "waves cancel": ("groundswell waves cancel v2.0",),
    "waves history": (
        "groundswell waves history v2.0",
        "groundswell waves history v2.0 --rollout 3 --print-uuids",
        "groundswell waves history v2.0 --verify",
    ),
    "waves why": (
        "groundswell waves why gw-000017",
        "groundswell waves why --wave v2.0 @batch.lst",
    ),
    "settings": ("groundswell settings max-whole-group 1000",),
    "settings show": ("groundswell settings show",),
    "settings max-whole-group": (
        "groundswell settings max-whole-group 1000",
        "groundswell settings max-whole-group off",
    ),
    "status": (
        "groundswell status",
        "groundswell status --json",
    ),
    "check": (
        "groundswell check",
        "groundswell check --repair",
    ),
    "compact": ("groundswell compact", "groundswell -C acme compact --json"),
    "backup": ("groundswell backup acme.backup",),
    "restore": ("groundswell restore acme.backup acme-again",),
}
"""Command → example command lines. A line that ends with a backslash continues on the next."""
