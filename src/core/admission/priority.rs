//! The five named priorities as voltages: one scale for "how important" and "how strong against R".

/// The priorities of requests, by voltage. A voltage is strictly compared with R, whose base is 10 ohm.
///
/// Plain overload without errors keeps the gate's R below 15 ohm (latency and queueing pressure are bounded there),
/// under every voltage: order is then the wait queue's work. In an error storm the scar climbs at 50 ohm a second to
/// 120 and passes these one by one, from the bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Priority {
    /// Work that no user waits for.
    Background = 0,
    /// Work that can be repeated later.
    Low = 1,
    /// The default.
    Normal = 2,
    /// Work a user is waiting for and would miss.
    High = 3,
    /// Work the business stops without.
    Critical = 4,
}

/// The number of priorities.
pub const PRIORITIES: usize = 5;

impl Priority {
    /// Every priority, from the least to the most important.
    pub const ALL: [Self; PRIORITIES] =
        [Self::Background, Self::Low, Self::Normal, Self::High, Self::Critical];

    /// Returns the voltage: 25, 40, 60, 80, 100.
    #[must_use]
    pub const fn voltage(self) -> f64 {
        match self {
            Self::Background => 25.0,
            Self::Low => 40.0,
            Self::Normal => 60.0,
            Self::High => 80.0,
            Self::Critical => 100.0,
        }
    }

    /// Returns the priority that a voltage counts as: the most important one whose voltage it reaches.
    #[must_use]
    pub fn of(voltage: f64) -> Self {
        let reached = Self::ALL.iter().rev().find(|priority| voltage >= priority.voltage());
        reached.copied().unwrap_or(Self::Background)
    }

    /// Returns the name that users write.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voltage_counts_as_the_most_important_priority_that_it_reaches() {
        for priority in Priority::ALL {
            assert_eq!(Priority::of(priority.voltage()), priority);
        }
        let counts =
            [(0.5, Priority::Background), (39.9, Priority::Background), (79.0, Priority::Normal)];
        for (voltage, priority) in counts {
            assert_eq!(Priority::of(voltage), priority, "{voltage}");
        }
        assert_eq!(Priority::of(1e6), Priority::Critical);
        assert_eq!(Priority::of(f64::NAN), Priority::Background);
    }
}
