//! What a feature says, as data: what the words of every language are made from.

/// What a feature says of a customer.
///
/// Every language words every variant in one `match` without `_`, so a variant without words does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// How many there were so far.
    Count(Things),
    /// How many there were, each halved every so many days.
    Lately {
        /// What is counted.
        things: Things,
        /// The half-life.
        half_life_days: u32,
    },
    /// Days since the last.
    Since(Things),
    /// Days since the first event.
    FirstSeen,
    /// Days since the last event as a share of the days since the first.
    SilentShare,
    /// The mean gap, in days.
    UsualGap {
        /// Events of the rhythm.
        things: Things,
        /// What the gap lies between.
        gap: Gap,
    },
    /// The standard deviation of the gaps, in days.
    GapSpread {
        /// Events of the rhythm.
        things: Things,
        /// What the gap lies between.
        gap: Gap,
    },
    /// The last gap, in days.
    LastGap {
        /// Events of the rhythm.
        things: Things,
        /// What the gap lies between.
        gap: Gap,
    },
    /// The present silence over the mean gap plus a day.
    SilenceOverGap {
        /// Events of the rhythm.
        things: Things,
        /// What the gap lies between.
        gap: Gap,
    },
    /// The present silence against the customer's own gaps, in their standard deviations.
    SilenceAgainstRhythm {
        /// Events of the rhythm.
        things: Things,
        /// What the gap lies between.
        gap: Gap,
    },
    /// How many there were in the last weeks.
    InLastWeeks {
        /// What is counted.
        things: Things,
        /// How many weeks back.
        n_weeks: u32,
    },
    /// How many of the last weeks had any.
    WeeksWith {
        /// What the weeks had.
        things: Things,
        /// How many weeks back.
        n_weeks: u32,
    },
    /// How many of the last spans of four weeks had any.
    MonthsWith {
        /// What the spans had.
        things: Things,
        /// How many spans back.
        n_months: u32,
    },
    /// How many there were in thirteen weeks beside this day one year ago.
    LastYear {
        /// What is counted.
        things: Things,
        /// Which thirteen weeks.
        quarter: Quarter,
    },
    /// The sum of payments.
    PaidSum,
    /// The sum of refunds.
    RefundedSum,
    /// The mean payment.
    PaymentMean,
    /// The standard deviation of payments.
    PaymentSpread,
    /// The greatest payment.
    PaymentGreatest,
    /// The last payment.
    PaymentLast,
    /// Payments less refunds, each halved every so many days.
    PaidLately {
        /// The half-life.
        half_life_days: u32,
    },
    /// The stage the customer stands in, a category.
    StageNow,
    /// The position of the furthest designed stage reached.
    StageFurthest {
        /// The stages in designed order.
        stages: Vec<String>,
    },
    /// Days since the customer entered the present stage.
    StageStay,
    /// The stay in the present stage over the shortest stay designed for it.
    StayOverDesigned,
    /// How often the last touchpoint came without another in between.
    TouchpointRun,
    /// The touchpoint at a place counted back, a category.
    TouchpointBack {
        /// The place; 1 is the last.
        place: usize,
    },
    /// Days between the touchpoint at a place counted back and the one before it.
    GapBack {
        /// The place of the later one; 1 is the last.
        place: usize,
    },
    /// The share of a channel in recent events with a channel.
    ChannelShare {
        /// The channel.
        channel: String,
    },
    /// The channel used most lately, a category.
    ChannelPreferred,
    /// The last score given.
    ScoreLast,
    /// The mean of the scores given.
    ScoreMean,
    /// The least score given.
    ScoreLeast,
    /// The last score less the mean of all.
    ScoreLastLessMean,
    /// Contacts since the last response.
    Unanswered,
    /// The last response: 1 taken, 0 turned down.
    ResponseLast,
    /// The last action of the business, a category.
    ActionLast,
    /// A point on the circle of the day.
    HourOfDay,
    /// A point on the circle of the week.
    DayOfWeek,
    /// A point on the circle of the year.
    TimeOfYear,
    /// An attribute that is a number.
    Attribute {
        /// The attribute.
        name: String,
        /// Its unit as the spec gives it; empty when it gives none.
        unit: String,
    },
    /// An attribute that is true or false: 1 or 0.
    AttributeFlag {
        /// The attribute.
        name: String,
    },
    /// An attribute that is one of some words, a category.
    AttributeCategory {
        /// The attribute.
        name: String,
    },
    /// Days until an attribute that is a point in time, negative when it is past.
    AttributeDays {
        /// The attribute.
        name: String,
    },
    /// The mean of a number over the events that told it.
    AttributeMean {
        /// The attribute.
        name: String,
        /// Its unit as the spec gives it; empty when it gives none.
        unit: String,
    },
    /// The standard deviation of a number over the events that told it.
    AttributeSpread {
        /// The attribute.
        name: String,
        /// Its unit as the spec gives it; empty when it gives none.
        unit: String,
    },
    /// What an attribute was at a past event, a category.
    AttributeBack {
        /// The attribute.
        name: String,
        /// The event's place counted back; 1 is the last.
        place: usize,
    },
    /// Whether an attribute differs between the last two events: 1 or 0.
    AttributeChanged {
        /// The attribute.
        name: String,
    },
}

/// What is counted, or happened last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Things {
    /// Events of any kind.
    Events,
    /// Events in a stage.
    OfStage(String),
    /// Events of a touchpoint.
    OfTouchpoint(String),
    /// Events of any of some touchpoints.
    OfTouchpoints(Vec<String>),
    /// Events on a channel.
    OnChannel(String),
    /// Contacts made by the business.
    Contacts,
    /// Offers taken.
    Accepted,
    /// Offers turned down.
    Rejected,
    /// The customer's answers, in score or words.
    Answers,
    /// The customer's answers in score.
    Scores,
    /// The customer's answers in words.
    Texts,
    /// Moves from stage to stage.
    Moves,
    /// Moves to an earlier stage.
    MovesBack,
    /// Moves that left out at least one stage.
    MovesSkipping,
    /// Moves into a stage visited before.
    MovesAgain,
    /// Moves the designed map does not foresee.
    MovesOffMap,
    /// Different stages visited.
    Stages,
    /// Different touchpoints.
    Touchpoints,
}

/// What a gap lies between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// Events one by one.
    BetweenEvents,
    /// Visits, events less than half a day apart being one.
    BetweenVisits,
}

/// Thirteen weeks beside this day one year ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quarter {
    /// Those before it.
    Before,
    /// Those after it.
    After,
}

impl Things {
    /// The events of these touchpoints: by their name when there is one, by their names when there are more.
    pub(crate) fn of_touchpoints(mut names: Vec<String>) -> Self {
        if names.len() == 1 {
            return Self::OfTouchpoint(names.remove(0));
        }
        Self::OfTouchpoints(names)
    }
}
