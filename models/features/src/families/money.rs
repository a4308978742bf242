//! Payments and refunds.

use percorso_journey::state::{HALF_LIVES_DAYS, Slot};

use super::{Described, Entries, NEVER};
use crate::Told;

const NO_PAYMENT: &str = "no payment yet";

pub(super) fn enter(entries: &mut Entries<'_>) {
    let described = |meaning, missing, told| Described {
        unit: "currency",
        meaning,
        missing,
        told,
    };
    entries.number("paid_sum", described("sum of payments", NEVER, Told::PaidSum), |view| {
        view.state.money().paid()
    });
    entries.number(
        "refunded_sum",
        described("sum of refunds, positive", NEVER, Told::RefundedSum),
        |view| view.state.money().refunded(),
    );
    entries.number(
        "payment_mean",
        described("mean payment", NO_PAYMENT, Told::PaymentMean),
        |view| view.state.money().payments().mean(),
    );
    entries.number(
        "payment_deviation",
        described(
            "standard deviation of payments",
            "fewer than two payments",
            Told::PaymentSpread,
        ),
        |view| view.state.money().payments().deviation(),
    );
    entries.number(
        "payment_greatest",
        described("greatest payment", NO_PAYMENT, Told::PaymentGreatest),
        |view| view.state.money().greatest(),
    );
    entries.number(
        "payment_last",
        described("last payment", NO_PAYMENT, Told::PaymentLast),
        |view| view.state.money().last(),
    );
    for (half_life, days) in HALF_LIVES_DAYS.into_iter().enumerate() {
        let meaning = &format!("payments less refunds, each halved every {days} days");
        entries.number(
            format!("value_decayed_{days}d"),
            Described {
                unit: "currency",
                meaning,
                missing: NEVER,
                told: Told::PaidLately {
                    half_life_days: days as u32,
                },
            },
            move |view| view.decayed(Slot::Value, half_life),
        );
    }
}
