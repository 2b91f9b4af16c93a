//! `groundswell._core.Fleet`.

use std::num::NonZero;
use std::sync::Arc;

use groundswell_core::{Fleet, FleetColumns, PortableSet, Recency, Selection, Selector};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict};

use crate::convert::limits::PyLimit;
use crate::convert::{arrays, effort, errors, limits};
use crate::fleet::device_set::PyDeviceSet;
use crate::select::selection::PySelection;

/// Stands for "no ordinal" in arrays of ordinals.
pub(crate) const NO_ORDINAL: u32 = u32::MAX;

/// A frozen set of devices.
#[pyclass(frozen, name = "Fleet", module = "groundswell._core")]
pub(crate) struct PyFleet(pub(crate) Arc<Fleet>);

#[pymethods]
impl PyFleet {
    #[new]
    #[pyo3(signature = (*, uuids, last_seen, groups, group_names, tags, tag_names, production, target_versions,
                        present=None, hardware=None, hardware_names=vec![]))]
    #[expect(clippy::too_many_arguments, reason = "one for each column")]
    fn new(
        py: Python<'_>,
        uuids: PyReadonlyArray2<'_, u8>,
        last_seen: PyReadonlyArray1<'_, u32>,
        groups: PyReadonlyArray1<'_, i32>,
        group_names: Vec<String>,
        tags: PyReadonlyArray1<'_, i32>,
        tag_names: Vec<String>,
        production: PyReadonlyArray1<'_, bool>,
        target_versions: PyReadonlyArray1<'_, i32>,
        present: Option<PyReadonlyArray1<'_, bool>>,
        hardware: Option<PyReadonlyArray1<'_, i32>>,
        hardware_names: Vec<String>,
    ) -> PyResult<Self> {
        let columns = FleetColumns {
            uuids: arrays::uuids_from(&uuids)?,
            last_seen: last_seen.as_array().to_vec(),
            groups: groups.as_array().to_vec(),
            group_names,
            tags: tags.as_array().to_vec(),
            tag_names,
            production: production.as_array().to_vec(),
            target_versions: target_versions.as_array().to_vec(),
            present: present.map(|present| present.as_array().to_vec()),
            hardware: hardware.map(|hardware| hardware.as_array().to_vec()),
            hardware_names,
        };
        let fleet = py.detach(|| Fleet::new(columns)).map_err(|error| errors::to_py(py, error))?;
        Ok(Self(Arc::new(fleet)))
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    #[getter]
    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn has_the_ordinals_of(&self, other: &Self) -> bool {
        self.0.has_the_ordinals_of(&other.0)
    }

    fn group_counts(&self) -> Vec<(String, u64)> {
        self.0.group_counts().map(|(name, devices)| (name.to_owned(), devices)).collect()
    }

    fn tag_counts(&self) -> Vec<(String, u64)> {
        self.0.tag_counts().map(|(name, devices)| (name.to_owned(), devices)).collect()
    }

    fn version_counts(&self) -> Vec<(u32, u64)> {
        self.0.version_counts().collect()
    }

    fn hardware_counts(&self, py: Python<'_>, ordinals: PyReadonlyArray1<'_, u32>) -> Vec<(String, u64)> {
        let ordinals = ordinals.as_array().to_vec();
        let counts = py.detach(|| self.0.hardware_counts(ordinals));
        counts.into_iter().map(|(name, devices)| (name.to_owned(), devices)).collect()
    }

    #[getter]
    fn production_count(&self) -> u64 {
        self.0.production_count()
    }

    fn production(&self, py: Python<'_>) -> PyDeviceSet {
        PyDeviceSet(py.detach(|| self.0.production()))
    }

    fn group(&self, py: Python<'_>, name: &str) -> Option<PyDeviceSet> {
        py.detach(|| self.0.group(name)).map(PyDeviceSet)
    }

    fn tag(&self, py: Python<'_>, name: &str) -> Option<PyDeviceSet> {
        py.detach(|| self.0.tag(name)).map(PyDeviceSet)
    }

    /// Group, tag, production, last seen (0 for never), target version.
    #[expect(clippy::type_complexity, reason = "a row, taken apart by its only caller")]
    fn device(&self, ordinal: u32) -> PyResult<(Option<&str>, Option<&str>, bool, u32, Option<u32>)> {
        let fleet = &self.0;
        if !fleet.has(ordinal) {
            return Err(no_ordinal(ordinal));
        }
        Ok((
            fleet.group_of(ordinal),
            fleet.tag_of(ordinal),
            fleet.is_production(ordinal),
            fleet.last_seen(ordinal),
            fleet.target_version(ordinal),
        ))
    }

    fn ordinals<'py>(&self, py: Python<'py>, uuids: PyReadonlyArray2<'py, u8>) -> PyResult<Bound<'py, PyArray1<u32>>> {
        let wanted = arrays::uuids_in(uuids)?;
        Ok(py.detach(|| self.0.ordinals(&wanted, NO_ORDINAL, &effort::effort(None))).into_pyarray(py))
    }

    fn uuids<'py>(&self, py: Python<'py>, ordinals: PyReadonlyArray1<'py, u32>) -> PyResult<Bound<'py, PyArray2<u8>>> {
        let ordinals = ordinals.as_array().to_vec();
        if let Some(&beyond) = ordinals.iter().find(|&&ordinal| ordinal as usize >= self.0.rows()) {
            return Err(no_ordinal(beyond));
        }
        arrays::uuids_to(py, py.detach(|| self.0.uuids_of(&ordinals, &effort::effort(None))))
    }

    fn digest<'py>(&self, py: Python<'py>, devices: &PyDeviceSet) -> PyResult<Bound<'py, PyBytes>> {
        match devices.0.max() {
            Some(last) if last as usize >= self.0.rows() => Err(no_ordinal(last)),
            _ => Ok(PyBytes::new(py, &py.detach(|| self.0.digest(devices.0.iter())))),
        }
    }

    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let columns = py.detach(|| self.0.to_columns());
        let dict = PyDict::new(py);
        dict.set_item("uuids", arrays::uuids_to(py, columns.uuids)?)?;
        dict.set_item("last_seen", columns.last_seen.into_pyarray(py))?;
        dict.set_item("groups", columns.groups.into_pyarray(py))?;
        dict.set_item("group_names", columns.group_names)?;
        dict.set_item("tags", columns.tags.into_pyarray(py))?;
        dict.set_item("tag_names", columns.tag_names)?;
        dict.set_item("production", columns.production.into_pyarray(py))?;
        dict.set_item("target_versions", columns.target_versions.into_pyarray(py))?;
        dict.set_item("present", columns.present.map(|present| present.into_pyarray(py)))?;
        dict.set_item("hardware", columns.hardware.map(|hardware| hardware.into_pyarray(py)))?;
        dict.set_item("hardware_names", columns.hardware_names)?;
        Ok(dict)
    }

    #[pyo3(signature = (*, group, tag, listed, excluded, excluded_set=None, not_updated, include_test, skip_mismatched, limit, seed, now, online_threshold, half_life, threads=None))]
    #[expect(clippy::too_many_arguments, reason = "a selector has as many parts")]
    fn select(
        &self,
        py: Python<'_>,
        group: Option<String>,
        tag: Option<String>,
        listed: Option<PyReadonlyArray2<'_, u8>>,
        excluded: Option<PyReadonlyArray2<'_, u8>>,
        excluded_set: Option<OrdinalsToExclude<'_>>,
        not_updated: Option<u32>,
        include_test: bool,
        skip_mismatched: bool,
        limit: PyLimit,
        seed: u64,
        now: i64,
        online_threshold: i64,
        half_life: i64,
        threads: Option<NonZero<usize>>,
    ) -> PyResult<PySelection> {
        let selector = Selector {
            group,
            tag,
            listed: listed.as_ref().map(arrays::uuids_from).transpose()?,
            excluded: excluded.as_ref().map(arrays::uuids_from).transpose()?,
            excluded_set: excluded_set.map(|set| set.portable(py)).transpose()?,
            not_updated,
            include_test,
            on_mismatch: limits::on_mismatch(skip_mismatched),
        };
        let limit = limit.limit()?;
        let fleet = Arc::clone(&self.0);
        py.detach(|| {
            let recency = Recency::new(now, online_threshold, half_life)?;
            let selection = Selection::new(&fleet, selector, limit, seed, recency, effort::effort(threads))?;
            Ok(PySelection { fleet, selection })
        })
        .map_err(|error| errors::to_py(py, error))
    }
}

/// A set of ordinals as a caller has it.
#[derive(FromPyObject)]
enum OrdinalsToExclude<'py> {
    /// The portable Roaring format, read where it lies.
    Portable(PyBackedBytes),
    Set(Bound<'py, PyDeviceSet>),
}

impl OrdinalsToExclude<'_> {
    fn portable(self, py: Python<'_>) -> PyResult<PortableSet> {
        match self {
            Self::Portable(bytes) => py.detach(|| PortableSet::read(bytes)).map_err(|error| errors::to_py(py, error)),
            Self::Set(set) => {
                let set = &set.get().0;
                Ok(py.detach(|| set.into()))
            }
        }
    }
}

fn no_ordinal(ordinal: u32) -> PyErr {
    PyIndexError::new_err(format!("the fleet has no ordinal {ordinal}"))
}
