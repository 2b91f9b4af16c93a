//! Which metadata a device is served.

use groundswell_core::WaveState;
use groundswell_core::waves::serving::{Recipient, TargetsVariant, WaveOfTag, targets_variant};

const PRODUCTION_DEVICE: Recipient = Recipient { production: true, tagged: true, target_version: Some(41) };

fn of_tag(target_version: u32, state: WaveState, covers: bool) -> WaveOfTag {
    WaveOfTag { target_version, state, covers }
}

fn on(target_version: u32) -> Recipient {
    Recipient { target_version: Some(target_version), ..PRODUCTION_DEVICE }
}

#[test]
fn a_test_device_is_served_ci_targets_and_a_device_without_a_tag_nothing() {
    let waves = [of_tag(42, WaveState::Active, true)];
    let test = Recipient { production: false, ..on(42) };
    assert_eq!(targets_variant(test, &waves, Some(41)), TargetsVariant::Ci);
    for production in [false, true] {
        let untagged = Recipient { production, tagged: false, target_version: Some(42) };
        assert_eq!(targets_variant(untagged, &waves, Some(41)), TargetsVariant::Nothing);
    }
}

#[test]
fn the_active_wave_is_served_to_those_it_covers_and_production_targets_to_the_rest() {
    for (covers, production, expected) in [
        (true, Some(41), TargetsVariant::Wave(0)),
        (true, None, TargetsVariant::Wave(0)),
        (false, Some(41), TargetsVariant::Production),
        (false, None, TargetsVariant::Nothing),
    ] {
        let waves = [of_tag(42, WaveState::Active, covers)];
        assert_eq!(targets_variant(PRODUCTION_DEVICE, &waves, production), expected);
    }
    // A finished wave reaches nobody by having covered them.
    for state in [WaveState::Complete, WaveState::Canceled] {
        assert_eq!(
            targets_variant(PRODUCTION_DEVICE, &[of_tag(42, state, true)], Some(41)),
            TargetsVariant::Production
        );
    }
}

#[test]
fn a_device_that_runs_a_canceled_version_keeps_its_targets_until_something_newer_reaches_it() {
    let canceled = of_tag(42, WaveState::Canceled, true);
    assert_eq!(targets_variant(on(42), &[canceled], Some(41)), TargetsVariant::Wave(0));
    assert_eq!(targets_variant(on(42), &[canceled], None), TargetsVariant::Wave(0));
    assert_eq!(targets_variant(on(41), &[canceled], Some(41)), TargetsVariant::Production);
    // Production targets at or above it end the rule; lower ones do not.
    for (production, expected) in
        [(41, TargetsVariant::Wave(0)), (42, TargetsVariant::Production), (43, TargetsVariant::Production)]
    {
        assert_eq!(targets_variant(on(42), &[canceled], Some(production)), expected);
    }
    // So does a wave that covers it, but not one that passes it by, nor one below it.
    for (version, covers, expected) in [
        (43, true, TargetsVariant::Wave(1)),
        (43, false, TargetsVariant::Wave(0)),
        (42, true, TargetsVariant::Wave(1)),
        (41, true, TargetsVariant::Wave(0)),
        (41, false, TargetsVariant::Wave(0)),
    ] {
        let waves = [canceled, of_tag(version, WaveState::Active, covers)];
        assert_eq!(targets_variant(on(42), &waves, Some(40)), expected, "{version} {covers}");
    }
}

#[test]
fn a_device_that_runs_the_version_of_the_active_wave_without_being_covered_is_served_the_wave() {
    let waves = [of_tag(42, WaveState::Canceled, false), of_tag(42, WaveState::Active, false)];
    assert_eq!(targets_variant(on(42), &waves, Some(41)), TargetsVariant::Wave(1));
    let completed = [of_tag(42, WaveState::Complete, false)];
    assert_eq!(targets_variant(on(42), &completed, Some(41)), TargetsVariant::Production);
    let twice = [of_tag(42, WaveState::Canceled, false), of_tag(42, WaveState::Canceled, false)];
    assert_eq!(targets_variant(on(42), &twice, Some(41)), TargetsVariant::Wave(1));
}
