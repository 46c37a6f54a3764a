//! In which of the allowed orders a simulated loop runs what is ready.
//!
//! [`Schedule::choose`] is asked whenever more than one entry may be next. The entries stand in the order of an
//! ordinary loop: to take the first is no deviation. Every other choice is noted as a [`Deviation`], so that a run can
//! be repeated from its deviations alone, or from some of them.
//!
//! All is computed from the seed: no clock, no addresses, no randomness of the system.

use std::collections::HashMap;

/// After so many choices that passed the first entry over, it is its turn: no policy may starve an entry.
const MOST_OVERTAKEN: u32 = 24;

/// How often a random schedule deviates from the ordinary order. A schedule has one of these frequencies, because few
/// deviations find other faults than many.
const FREQUENCIES: [f64; 4] = [0.02, 0.1, 0.4, 1.0];

/// A choice that was not the first entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// Which choice it was, counted from 0.
    pub choice: u64,
    /// The entry that it took, counted from 0 in the ordinary order.
    pub index: u32,
}

/// How a schedule chooses.
#[derive(Clone, Debug, PartialEq)]
pub enum Policy {
    /// Any entry.
    Random,
    /// The entry whose source has the highest priority. At `changes` choices among the first `length`, that source
    /// loses its priority (Burckhardt and others: A randomized scheduler with probabilistic guarantees, 2010).
    Priorities { changes: u32, length: u64 },
    /// The first entry, except for these deviations, which are in the order of their choices.
    Repeat(Vec<Deviation>),
}

enum Chooser {
    Random { frequency: f64 },
    Priorities { of_sources: HashMap<u64, u64>, changes: Vec<u64>, lowest: u64 },
    Repeat { deviations: Vec<Deviation>, next: usize },
}

/// The choices of one run.
pub struct Schedule {
    random: Random,
    chooser: Chooser,
    /// How many entries each choice had.
    widths: Vec<u32>,
    deviations: Vec<Deviation>,
    overtaken: u32,
}

impl Schedule {
    /// The schedule that this policy makes of the seed.
    pub fn new(seed: u64, policy: Policy) -> Schedule {
        let mut random = Random(seed);
        let chooser = match policy {
            Policy::Random => {
                let which = random.below(FREQUENCIES.len() as u64) as usize;
                Chooser::Random { frequency: FREQUENCIES.get(which).copied().unwrap_or(1.0) }
            }
            Policy::Priorities { changes, length } => {
                let changes = (0..changes).map(|_| random.below(length.max(1))).collect();
                Chooser::Priorities { of_sources: HashMap::new(), changes, lowest: LOWEST_OF_ALL }
            }
            Policy::Repeat(deviations) => Chooser::Repeat { deviations, next: 0 },
        };
        Schedule { random, chooser, widths: Vec::new(), deviations: Vec::new(), overtaken: 0 }
    }

    /// Which of the entries is next. `sources` has the source of each; an entry of the source 0 has none.
    pub fn choose(&mut self, sources: &[u64]) -> usize {
        let width = sources.len();
        if width < 2 || self.overtaken >= MOST_OVERTAKEN {
            self.overtaken = 0;
            return 0;
        }
        let choice = self.widths.len() as u64;
        self.widths.push(u32::try_from(width).unwrap_or(u32::MAX));
        let index = self.index(choice, sources).min(width - 1);
        if index == 0 {
            self.overtaken = 0;
        } else {
            self.overtaken += 1;
            self.deviations.push(Deviation { choice, index: index as u32 });
        }
        index
    }

    fn index(&mut self, choice: u64, sources: &[u64]) -> usize {
        let random = &mut self.random;
        match &mut self.chooser {
            Chooser::Random { frequency } => {
                if random.fraction() >= *frequency {
                    return 0;
                }
                random.below(sources.len() as u64) as usize
            }
            Chooser::Priorities { of_sources, changes, lowest } => {
                let priorities: Vec<u64> = sources
                    .iter()
                    .map(|source| match source {
                        0 => random.priority(),
                        source => *of_sources.entry(*source).or_insert_with(|| random.priority()),
                    })
                    .collect();
                let highest = |priorities: &[u64]| {
                    (0..priorities.len()).rev().max_by_key(|index| priorities.get(*index)).unwrap_or(0)
                };
                let index = highest(&priorities);
                if !changes.contains(&choice) {
                    return index;
                }
                *lowest = lowest.saturating_sub(1);
                let lowered =
                    priorities.iter().enumerate().map(|(at, old)| if at == index { *lowest } else { *old });
                if let Some(source) = sources.get(index).filter(|source| **source != 0) {
                    of_sources.insert(*source, *lowest);
                }
                highest(&lowered.collect::<Vec<_>>())
            }
            Chooser::Repeat { deviations, next } => match deviations.get(*next) {
                Some(deviation) if deviation.choice == choice => {
                    *next += 1;
                    deviation.index as usize
                }
                _ => 0,
            },
        }
    }

    /// A source is gone; another may get its number.
    pub fn forget(&mut self, source: u64) {
        if let Chooser::Priorities { of_sources, .. } = &mut self.chooser {
            of_sources.remove(&source);
        }
    }

    /// How many entries each choice had, the first choice first.
    pub fn widths(&self) -> &[u32] {
        &self.widths
    }

    /// The choices that were not the first entry.
    pub fn deviations(&self) -> &[Deviation] {
        &self.deviations
    }
}

/// Priorities that were not lowered are above this.
const LOWEST_OF_ALL: u64 = 1 << 32;

/// `SplitMix64`: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// A number from 0 up to 1.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn priority(&mut self) -> u64 {
        self.next() | (LOWEST_OF_ALL + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Miri takes as long for a few as the processor for all.
    const SEEDS: u64 = if cfg!(miri) { 4 } else { 50 };

    fn run(schedule: &mut Schedule) -> Vec<usize> {
        (0..300).map(|round| schedule.choose(&[1, 2, 0, 3][..2 + round % 3])).collect()
    }

    #[test]
    fn a_seed_gives_the_same_choices_every_time() {
        for policy in [Policy::Random, Policy::Priorities { changes: 3, length: 100 }] {
            for seed in 0..SEEDS {
                let first = run(&mut Schedule::new(seed, policy.clone()));
                assert_eq!(first, run(&mut Schedule::new(seed, policy.clone())));
            }
            let different: std::collections::HashSet<_> =
                (0..SEEDS).map(|seed| run(&mut Schedule::new(seed, policy.clone()))).collect();
            assert!(different.len() as u64 > SEEDS / 2, "{policy:?}: {}", different.len());
        }
    }

    #[test]
    fn deviations_repeat_a_run() {
        for seed in 0..SEEDS {
            let mut schedule = Schedule::new(seed, Policy::Random);
            let choices = run(&mut schedule);
            let mut repeated = Schedule::new(seed + 1, Policy::Repeat(schedule.deviations().to_vec()));
            assert_eq!(choices, run(&mut repeated));
            assert_eq!(schedule.deviations(), repeated.deviations());
            assert_eq!(schedule.widths(), repeated.widths());
        }
    }

    #[test]
    fn without_deviations_the_order_is_the_ordinary_one() {
        assert_eq!(run(&mut Schedule::new(1, Policy::Repeat(vec![]))), [0; 300]);
    }

    #[test]
    fn a_deviation_beyond_the_last_entry_takes_the_last() {
        let mut schedule = Schedule::new(0, Policy::Repeat(vec![Deviation { choice: 1, index: 9 }]));
        assert_eq!(schedule.choose(&[1, 2]), 0);
        assert_eq!(schedule.choose(&[1, 2]), 1);
    }

    #[test]
    fn no_entry_is_starved() {
        for seed in 0..SEEDS {
            for policy in [Policy::Random, Policy::Priorities { changes: 0, length: 1 }] {
                let mut schedule = Schedule::new(seed, policy);
                let choices: Vec<_> = (0..200).map(|_| schedule.choose(&[1, 2])).collect();
                assert!(
                    choices.iter().filter(|index| **index == 0).count() >= 200 / (MOST_OVERTAKEN as usize + 1)
                );
            }
        }
    }

    #[test]
    fn a_lowered_source_comes_last() {
        for seed in 0..SEEDS {
            let policy = Policy::Priorities { changes: 1, length: 1 };
            let mut schedule = Schedule::new(seed, policy);
            let before = schedule.choose(&[1, 2, 3]);
            // The source that had the highest priority lost it at the first choice.
            let after: Vec<_> = (0..10).map(|_| schedule.choose(&[1, 2, 3])).collect();
            assert!(after.iter().all(|index| *index == before), "{before} {after:?}");
        }
    }

    #[test]
    fn random_numbers_are_those_of_splitmix64() {
        let mut random = Random(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }
}
