//! Which requests are a rollout, and of which kind.

use groundswell_core::waves::request::Kind;
use groundswell_core::{CoreError, Denominator, Limit, RolloutRequest};

use crate::support::{rollout, uuid};

#[test]
fn every_row_of_the_table_of_selectors_means_what_it_says() {
    let list = || Some(vec![uuid(1)]);
    let group = || Some("alpha".to_owned());
    let limit = Limit::Count(5);
    let kind =
        |group, listed, limit, whole_group| RolloutRequest { group, listed, limit, whole_group, ..rollout() }.kind();
    assert_eq!(kind(group(), None, Limit::All, true), Ok(Kind::Whole));
    for group in [None, group()] {
        assert_eq!(kind(group.clone(), None, limit, false), Ok(Kind::Sample));
        assert_eq!(kind(group.clone(), list(), Limit::All, false), Ok(Kind::Listed));
        assert_eq!(kind(group, list(), limit, false), Ok(Kind::SampleWithinList));
    }
    assert_eq!(kind(None, None, Limit::All, false), Err(CoreError::NothingAsked));
    assert_eq!(
        kind(group(), None, Limit::All, false),
        Err(CoreError::WholeGroupUnsaid { group: "alpha".into() }),
        "what is left out never comes to mean more"
    );
    assert_eq!(kind(None, None, Limit::All, true), Err(CoreError::BadWholeGroup { with: None }));
    assert!(matches!(kind(group(), list(), Limit::All, true), Err(CoreError::BadWholeGroup { with: Some(_) })));
    assert!(matches!(kind(group(), None, limit, true), Err(CoreError::BadWholeGroup { with: Some(_) })));
}

#[test]
fn a_goal_replaces_the_limit_and_goes_with_a_group_alone() {
    let goal = Some(Limit::Count(5));
    let group = || Some("alpha".to_owned());
    for group in [None, group()] {
        assert_eq!(RolloutRequest { goal, group: group.clone(), ..rollout() }.kind(), Ok(Kind::Sample));
        let online = RolloutRequest { goal, group: group.clone(), online_only: true, ..rollout() };
        assert_eq!(online.kind(), Ok(Kind::Sample));
        let limited = RolloutRequest { goal, group: group.clone(), limit: Limit::Count(5), ..rollout() };
        assert!(matches!(limited.kind(), Err(CoreError::BadGoal { with: "a limit" })));
        let listed = RolloutRequest { goal, group, listed: Some(vec![uuid(1)]), ..rollout() };
        assert!(matches!(listed.kind(), Err(CoreError::BadGoal { .. })));
    }
    let whole = RolloutRequest { goal, group: group(), whole_group: true, ..rollout() };
    assert!(matches!(whole.kind(), Err(CoreError::BadWholeGroup { with: Some(_) })));
    for goal in [Limit::All, Limit::Count(0), Limit::Percent(0, Denominator::Matching)] {
        assert!(RolloutRequest { goal: Some(goal), ..rollout() }.kind().is_err());
    }
}

#[test]
fn only_a_sample_can_be_of_online_devices_only() {
    let asked = RolloutRequest { online_only: true, ..rollout() };
    let listed = RolloutRequest { listed: Some(vec![uuid(1)]), ..asked.clone() };
    assert_eq!(listed.kind(), Err(CoreError::OnlineOnlyWithoutSample));
    assert_eq!(RolloutRequest { limit: Limit::Count(1), ..listed }.kind(), Ok(Kind::SampleWithinList));
    let whole = RolloutRequest { group: Some("alpha".into()), whole_group: true, ..asked.clone() };
    assert_eq!(whole.kind(), Err(CoreError::OnlineOnlyWithoutSample));
    assert_eq!(asked.kind(), Err(CoreError::NothingAsked));
}

#[test]
fn an_empty_list_and_a_limit_of_none_are_refused_whatever_else_is_asked_for() {
    for group in [None, Some("alpha".to_owned())] {
        for whole_group in [false, true] {
            let asked = RolloutRequest { group: group.clone(), whole_group, ..rollout() };
            let empty = RolloutRequest { listed: Some(Vec::new()), ..asked.clone() };
            assert!(matches!(empty.kind(), Err(CoreError::EmptyList { .. })));
            let zero = RolloutRequest { limit: Limit::Count(0), ..asked.clone() };
            assert_eq!(zero.kind(), Err(CoreError::ZeroLimit));
            for thousandths in [0, 100_001] {
                let limit = Limit::Percent(thousandths, Denominator::Matching);
                let bad = RolloutRequest { limit, ..asked.clone() };
                assert_eq!(bad.kind(), Err(CoreError::BadPercentage { thousandths }));
            }
        }
    }
}
