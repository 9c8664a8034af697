//! `lotse image apply` beside the Python image manager, on the same Glance: the first import of a
//! catalogue, and a new version of every image in it.
//!
//! The same definitions and the same mirror as in `images`. The Python tool is called with `--latest`
//! for the new versions: without it, it imports none of them.

use super::images::{Bed, Definitions, FIRST, IMAGES, Tool, definitions};
use super::measure::{Cost, millis};
use super::{Fact, Target};
use crate::environment::Environment;
use crate::error::Error;

/// The version that is declared later.
const SECOND: &str = "20260201";

pub(super) fn run(env: &Environment) -> Result<Vec<Fact>, Error> {
    let bed = Bed::find(env)?;
    let dir = env.scratch()?.join("bench-import");
    let first = definitions(env, &dir, FIRST)?;
    let ours = Tool::ours(env, &bed, &first.dir)?;
    let theirs = Tool::python(env, &bed, &first.dir)?;
    for tool in [&ours, &theirs] {
        bed.clear(env, tool)?;
    }
    let measured = measure(env, &bed, (&ours, &theirs), first);
    for tool in [&ours, &theirs] {
        bed.clear(env, tool)?;
    }
    measured
}

fn measure(
    env: &Environment,
    bed: &Bed,
    (ours, theirs): (&Tool, &Tool),
    first: Definitions,
) -> Result<Vec<Fact>, Error> {
    anstream::println!("  importing {IMAGES} images with each");
    let mut facts = side_by_side(env, bed, (ours, theirs), "first import")?;
    ours.check_converged()?;
    drop(first);
    let dir = env.scratch()?.join("bench-import");
    let _second = definitions(env, &dir, SECOND)?;
    anstream::println!("  a new version of each");
    facts.extend(side_by_side(env, bed, (ours, theirs), "a new version of every image")?);
    ours.check_converged()?;
    Ok(facts)
}

fn side_by_side(
    env: &Environment,
    bed: &Bed,
    (ours, theirs): (&Tool, &Tool),
    what: &str,
) -> Result<Vec<Fact>, Error> {
    let (mine, my_requests) = bed.once(env, ours, &ours.converge.0)?;
    let (peer, peer_requests) = bed.once(env, theirs, &theirs.converge.0)?;
    let per_image = |requests: usize| {
        f64::from(u32::try_from(requests).unwrap_or(u32::MAX)) / f64::from(IMAGES)
    };
    let Cost { wall, cpu } = mine;
    Ok(vec![
        Fact::new(format!("`lotse image apply`, {IMAGES} images, {what}"), millis(wall), "ms"),
        Fact::new("… processor time", millis(cpu), "ms"),
        Fact::new("… requests per image besides polling", per_image(my_requests), "requests")
            .wanted(Target::AtMost(8.0)),
        Fact::new("openstack-image-manager, the same", millis(peer.wall), "ms"),
        Fact::new("… processor time", millis(peer.cpu), "ms"),
        Fact::new("… requests per image besides polling", per_image(peer_requests), "requests"),
        Fact::new("less time on the wall", peer.wall.as_secs_f64() / wall.as_secs_f64(), "×")
            .wanted(Target::AtLeast(8.0)),
    ])
}
