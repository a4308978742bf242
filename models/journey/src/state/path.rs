//! The way through the stages, as lived, beside the way as designed.

use crate::bytes::{ByteReader, ByteWriter, MalformedBytes};
use crate::spec::DesignedMove;
use crate::{JourneyEvent, Spec, Timestamp};

/// Where the customer stands and how they came there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StagePath {
    current: Option<Standing>,
    furthest: u16,
    visited: u64,
    n_moves: u32,
    n_back: u32,
    n_skips: u32,
    n_loops: u32,
    n_off_map: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Standing {
    stage: u16,
    since: Timestamp,
}

/// What one event did to the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) is_back: bool,
    pub(super) is_off_map: bool,
}

impl StagePath {
    pub(super) fn observe(&mut self, spec: &Spec, attributes: &[f64], event: &JourneyEvent) -> Step {
        let stage = event.stage;
        let is_designed = stage != spec.leaving_stage();
        let mut step = Step::default();
        if let Some(standing) = self.current {
            if standing.stage == stage {
                return step;
            }
            step.is_back = stage < standing.stage;
            step.is_off_map = spec
                .designed_moves(attributes)
                .is_some_and(|moves| foreseen(moves, standing.stage, stage).is_none());
            self.n_moves += 1;
            self.n_back += u32::from(step.is_back);
            self.n_skips += u32::from(is_designed && stage > standing.stage + 1);
            self.n_loops += u32::from(self.visited >> stage & 1 == 1);
            self.n_off_map += u32::from(step.is_off_map);
        }
        if is_designed {
            self.furthest = self.furthest.max(stage);
        }
        self.visited |= 1 << stage;
        self.current = Some(Standing { stage, since: event.at });
        step
    }

    /// The stage the customer stands in; `None` before any event.
    pub fn current(&self) -> Option<u16> {
        self.current.map(|standing| standing.stage)
    }

    /// Since when they stand there.
    pub fn since(&self) -> Option<Timestamp> {
        self.current.map(|standing| standing.since)
    }

    /// The furthest designed stage reached.
    pub const fn furthest(&self) -> u16 {
        self.furthest
    }

    /// How many stages were visited at least once.
    pub const fn n_visited(&self) -> u32 {
        self.visited.count_ones()
    }

    /// Moves from stage to stage.
    pub const fn n_moves(&self) -> u32 {
        self.n_moves
    }

    /// Moves to an earlier stage.
    pub const fn n_back(&self) -> u32 {
        self.n_back
    }

    /// Moves that left out at least one stage.
    pub const fn n_skips(&self) -> u32 {
        self.n_skips
    }

    /// Moves into a stage visited before.
    pub const fn n_loops(&self) -> u32 {
        self.n_loops
    }

    /// Moves that the designed map does not foresee; 0 where no map applies.
    pub const fn n_off_map(&self) -> u32 {
        self.n_off_map
    }

    pub(super) fn write(&self, to: &mut ByteWriter) {
        to.u16(self.current.map_or(u16::MAX, |standing| standing.stage));
        to.i64(self.current.map_or(i64::MIN, |standing| standing.since.micros()));
        to.u16(self.furthest);
        to.u64(self.visited);
        [self.n_moves, self.n_back, self.n_skips, self.n_loops, self.n_off_map]
            .into_iter()
            .for_each(|n| to.u32(n));
    }

    pub(super) fn read(spec: &Spec, from: &mut ByteReader<'_>) -> Result<Self, MalformedBytes> {
        let (stage, since) = (from.u16()?, Timestamp::from_micros(from.i64()?));
        if stage != u16::MAX && usize::from(stage) >= spec.stages().len() {
            return Err(from.malformed());
        }
        Ok(Self {
            current: (stage != u16::MAX).then_some(Standing { stage, since }),
            furthest: from.u16()?,
            visited: from.u64()?,
            n_moves: from.u32()?,
            n_back: from.u32()?,
            n_skips: from.u32()?,
            n_loops: from.u32()?,
            n_off_map: from.u32()?,
        })
    }
}

fn foreseen(moves: &[DesignedMove], from: u16, to: u16) -> Option<&DesignedMove> {
    moves.iter().find(|designed| designed.from == from && designed.to == to)
}
