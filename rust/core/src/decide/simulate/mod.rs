//! Simulates strategies on a fleet before the first device updates.
//!
//! Devices interact only through the gate. So the times of a device are drawn when its step starts, and are added to
//! counts by tick; no event queue is needed. Each run is one world, given by the seed and the number of the run. All
//! strategies meet the same worlds.
//!
//! | module | contents |
//! | --- | --- |
//! | [`plan`] | a strategy in whole seconds and exact parts |
//! | [`prepared`] | a strategy that is resolved on one fleet |
//! | [`scenario`] | what goes wrong, and for which devices |
//! | [`simulation`] | a fleet with its habits |
//! | `world` | the check-ins of a device and its random draws |
//! | `fate` | what happens to a covered device, and when it is known |
//! | `timeline` | counts by tick |
//! | `order` | the served order with its stop rules |
//! | `quiet` | the two arms of the silence test, as counts |
//! | `steps` | which devices a step takes |
//! | `cover` | adds the devices of a step to the counts |
//! | `engine` | one run, tick by tick |
//! | `parallel` | shares the runs among threads |
//! | [`result`] | what one run comes to |

mod cover;
mod engine;
mod fate;
mod order;
mod parallel;
pub mod plan;
pub mod prepared;
mod quiet;
pub mod result;
pub mod scenario;
pub mod simulation;
mod steps;
mod timeline;
mod world;
