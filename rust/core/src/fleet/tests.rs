use crate::error::CoreError;
use crate::fleet::columns::FleetColumns;
use crate::fleet::fleet::Fleet;
use crate::ids::Ordinal;

fn columns(devices: u8) -> FleetColumns {
    let n = usize::from(devices);
    FleetColumns {
        uuids: (0..devices).map(|i| [i; 16]).collect(),
        last_seen: (0..n as u32).collect(),
        groups: (0..n as i32).map(|i| i % 4 - 1).collect(),
        group_names: ["a", "b", "c", "empty"].map(String::from).to_vec(),
        tags: vec![0; n],
        tag_names: vec!["main".into()],
        production: (0..n).map(|i| i % 3 == 0).collect(),
        target_versions: (0..n as i32).map(|i| i % 5 - 1).collect(),
        present: None,
        hardware: Some((0..n as i32).map(|i| i % 3 - 1).collect()),
        hardware_names: ["pi", "imx8"].map(String::from).to_vec(),
    }
}

#[test]
fn columns_come_back_as_they_were_given() {
    let given = columns(200);
    let back = Fleet::new(given.clone()).unwrap().to_columns();
    assert_eq!(back.uuids, given.uuids);
    assert_eq!(back.last_seen, given.last_seen);
    assert_eq!(back.groups, given.groups);
    assert_eq!(back.group_names, given.group_names);
    assert_eq!(back.tags, given.tags);
    assert_eq!(back.production, given.production);
    assert_eq!(back.target_versions, given.target_versions);
    assert_eq!(back.present, None);
    assert_eq!((back.hardware, back.hardware_names), (given.hardware, given.hardware_names));
}

#[test]
fn deleted_devices_keep_their_rows_and_are_in_no_set() {
    let mut given = columns(200);
    let there = |row: usize| !row.is_multiple_of(7);
    given.present = Some((0..200).map(there).collect());
    let fleet = Fleet::new(given.clone()).unwrap();
    let count = (0..200).filter(|&row| there(row)).count();
    assert_eq!((fleet.len(), fleet.rows()), (count, 200));
    for (row, uuid) in given.uuids.iter().enumerate() {
        let ordinal = row as Ordinal;
        assert_eq!(fleet.ordinal(uuid), there(row).then_some(ordinal));
        assert_eq!(fleet.has(ordinal), there(row));
        assert_eq!(fleet.uuid(ordinal), *uuid);
        assert_eq!(fleet.group_of(ordinal).is_some(), there(row) && given.groups[row] >= 0);
        assert_eq!(fleet.tag_of(ordinal).is_some(), there(row));
        assert_eq!(fleet.production().contains(ordinal), there(row) && given.production[row]);
        assert_eq!(fleet.is_production(ordinal), there(row) && given.production[row]);
        assert_eq!(fleet.target_version(ordinal).is_some(), there(row) && given.target_versions[row] >= 0);
        assert_eq!(fleet.hardware_of(ordinal).is_some(), there(row) && row % 3 > 0);
    }
    assert!(!fleet.has(200));
    let back = fleet.to_columns();
    assert_eq!((&back.uuids, &back.present), (&given.uuids, &given.present));
    assert_eq!(Fleet::new(back).unwrap().len(), count);
}

#[test]
fn a_fleet_whose_devices_are_all_there_is_one_without_that_column() {
    let given = FleetColumns { present: Some(vec![true; 10]), ..columns(10) };
    assert_eq!(Fleet::new(given).unwrap().to_columns().present, None);
}

#[test]
fn columns_that_do_not_fit_together_are_refused_by_name() {
    let mut short = columns(10);
    short.tags.pop();
    assert!(matches!(Fleet::new(short), Err(CoreError::BadColumns { column: "tags" })));
    let short = FleetColumns { present: Some(vec![true; 9]), ..columns(10) };
    assert!(matches!(Fleet::new(short), Err(CoreError::BadColumns { column: "present" })));
    let mut unnamed = columns(10);
    unnamed.groups[3] = 9;
    assert!(matches!(Fleet::new(unnamed), Err(CoreError::BadColumns { column: "groups" })));
}

#[test]
fn a_repeated_uuid_is_refused_with_both_rows() {
    let mut twice = columns(10);
    twice.uuids[7] = twice.uuids[2];
    assert!(matches!(Fleet::new(twice), Err(CoreError::RepeatedUuid { first: 2, second: 7, .. })));
}

#[test]
fn a_fleet_of_no_devices_is_a_fleet() {
    let fleet = Fleet::new(FleetColumns::default()).unwrap();
    assert!(fleet.is_empty());
    assert_eq!(fleet.ordinal(&[0; 16]), None);
}
