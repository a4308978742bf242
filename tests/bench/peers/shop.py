"""Online Retail II as the churn protocol asks it: customers, cut-offs, labels, and 38 features at each cut-off.

Churn is no purchase in the 90 days after the cut-off. Asked are customers with a purchase before it and any invoice in
the 365 days before it. An invoice that starts with C is a return; times are those of London.
"""

import dataclasses
import pathlib

import numpy
import pandas

HORIZON = pandas.Timedelta(days=90)
SEEN_WITHIN = pandas.Timedelta(days=365)
BETWEEN_CUTOFFS = pandas.Timedelta(days=30)
N_CUTOFFS = 15
N_ORIGINS = 6
DAY_SECONDS = 86_400
HALF_LIVES_DAYS = [7, 30, 90, 365]
WINDOWS_DAYS = [30, 90, 180, 365]
YEAR_DAYS = 365.25
LINE_COLUMNS = ["invoice", "product", "description", "quantity", "at", "price", "customer_id", "country"]


@dataclasses.dataclass
class Shop:
    """The invoices of a shop, by customer and time, and when it was asked."""

    invoices: pandas.DataFrame
    test_at: pandas.Timestamp

    def origins(self) -> list[pandas.Timestamp]:
        """Six earlier times at which the question could have been asked, latest first."""
        return [self.test_at - place * BETWEEN_CUTOFFS for place in range(1, N_ORIGINS + 1)]

    def known_cutoffs(self, origin: pandas.Timestamp) -> list[pandas.Timestamp]:
        """The 15 training cut-offs before the test, as far as their labels were known at the origin."""
        cutoffs = [self.test_at - HORIZON - place * BETWEEN_CUTOFFS for place in range(N_CUTOFFS)]
        return [cutoff for cutoff in cutoffs if cutoff + HORIZON <= origin]


def read(folder: pathlib.Path) -> Shop:
    """The shop in the two Parquet files of the folder."""
    years = [pandas.read_parquet(folder / f"{year}.parquet") for year in ("2009-2010", "2010-2011")]
    for year in years:
        year.columns = LINE_COLUMNS
        year["at"] = pandas.to_datetime(year["at"])
    # The first days of December 2010 are in both files.
    lines = pandas.concat(years).drop_duplicates()
    lines["invoice"] = lines["invoice"].astype(str)
    lines["value"] = lines["quantity"] * lines["price"]
    # The last invoice may be a guest's; the time of the test goes by all of them.
    test_at = _in_utc(pandas.Series([lines["at"].max()]))[0] - HORIZON
    lines = lines.dropna(subset="customer_id")
    invoices = lines.groupby("invoice", as_index=False).agg(
        customer_id=("customer_id", "first"),
        at=("at", "min"),
        value=("value", "sum"),
        n_products=("product", "nunique"),
        country=("country", "first"),
    )
    invoices["customer_id"] = invoices["customer_id"].astype(int).astype(str)
    invoices["at"] = _in_utc(invoices["at"])
    invoices["is_return"] = invoices["invoice"].str.startswith("C")
    return Shop(invoices.sort_values(["customer_id", "at", "invoice"], ignore_index=True), test_at)


def _in_utc(local):
    return local.dt.tz_localize("Europe/London", ambiguous=True, nonexistent="shift_forward").dt.tz_convert("UTC")


def asked(shop: Shop, as_of: pandas.Timestamp) -> tuple[pandas.DataFrame, numpy.ndarray]:
    """The features of every customer asked at a cut-off (the index is the customer), and whether each left."""
    past = shop.invoices[shop.invoices["at"] <= as_of]
    purchases = past[~past["is_return"]]
    recent = past[past["at"] > as_of - SEEN_WITHIN]
    customers = numpy.intersect1d(purchases["customer_id"].unique(), recent["customer_id"].unique())
    purchases = purchases[purchases["customer_id"].isin(customers)]
    returns = past[past["is_return"] & past["customer_id"].isin(customers)]
    parts = [
        _amounts(purchases, as_of),
        _rhythm(purchases, as_of),
        _season(purchases, as_of),
        _returns(returns, as_of),
    ]
    features = pandas.concat(parts, axis=1).reindex(customers)
    features["year_sine"] = numpy.sin(2 * numpy.pi * as_of.dayofyear / YEAR_DAYS)
    features["year_cosine"] = numpy.cos(2 * numpy.pi * as_of.dayofyear / YEAR_DAYS)
    never_returned = ["returns_n", "returns_decayed_90d", "returns_value"]
    features[never_returned] = features[never_returned].fillna(0.0)
    is_after = (shop.invoices["at"] > as_of) & (shop.invoices["at"] <= as_of + HORIZON) & ~shop.invoices["is_return"]
    stayed = shop.invoices.loc[is_after, "customer_id"].unique()
    return features, (~features.index.isin(stayed)).astype(int)


def _days_before(times, as_of):
    return (as_of - times).dt.total_seconds() / DAY_SECONDS


def _amounts(purchases, as_of):
    """Counts and values: for ever, in windows, and decayed by half-lives."""
    days = _days_before(purchases["at"], as_of)
    customer = purchases["customer_id"]
    values = purchases["value"]
    features = {}
    for half_life in HALF_LIVES_DAYS:
        weight = 0.5 ** (days / half_life)
        features[f"purchases_decayed_{half_life}d"] = weight.groupby(customer).sum()
        features[f"value_decayed_{half_life}d"] = (weight * values).groupby(customer).sum()
    for window in WINDOWS_DAYS:
        features[f"purchases_{window}d_n"] = (days <= window).groupby(customer).sum()
    for window in (90, 365):
        features[f"value_{window}d"] = (values * (days <= window)).groupby(customer).sum()
    features["purchases_n"] = days.groupby(customer).size()
    features["value"] = values.groupby(customer).sum()
    features["value_mean"] = values.groupby(customer).mean()
    features["value_last"] = values.groupby(customer).last()
    features["products_mean"] = purchases["n_products"].groupby(customer).mean()
    features["is_british"] = (purchases["country"] == "United Kingdom").groupby(customer).last()
    return pandas.DataFrame(features).astype(float)


def _rhythm(purchases, as_of):
    """Recency, tenure, gaps, and the present silence measured by the customer's own gaps."""
    days = _days_before(purchases["at"], as_of)
    customer = purchases["customer_id"]
    gaps = -days.groupby(customer).diff()
    # Several invoices within a day are one visit.
    gaps = gaps[gaps >= 0.5]
    log_gaps = numpy.log1p(gaps)
    of_gap = customer[gaps.index]
    recency, tenure = days.groupby(customer).min(), days.groupby(customer).max()
    log_gap_mean, log_gap_deviation = log_gaps.groupby(of_gap).mean(), log_gaps.groupby(of_gap).std()
    features = {
        "recency_days": recency,
        "tenure_days": tenure,
        "recency_share_of_tenure": recency / tenure,
        "gap_mean_days": gaps.groupby(of_gap).mean(),
        "gap_median_days": gaps.groupby(of_gap).median(),
        "gap_deviation_days": gaps.groupby(of_gap).std(),
        "gap_last_days": gaps.groupby(of_gap).last(),
        "gap_longest_days": gaps.groupby(of_gap).max(),
        "silence_over_mean_gap": recency / (gaps.groupby(of_gap).mean() + 1),
        "silence_deviations": (numpy.log1p(recency) - log_gap_mean) / (log_gap_deviation + 0.1),
    }
    return pandas.DataFrame(features)


def _season(purchases, as_of):
    """What came at this time last year, and in how many months of the last year."""
    days = _days_before(purchases["at"], as_of)
    customer = purchases["customer_id"]
    is_same_season = (days < 365) & (days >= 365 - HORIZON.days)
    month = (days // 30).where(days < 360)
    return pandas.DataFrame(
        {
            "same_season_last_year_n": is_same_season.groupby(customer).sum(),
            "months_of_12_n": month.groupby(customer).nunique(),
        }
    ).astype(float)


def _returns(returns, as_of):
    days = _days_before(returns["at"], as_of)
    customer = returns["customer_id"]
    return pandas.DataFrame(
        {
            "returns_n": days.groupby(customer).size(),
            "returns_decayed_90d": (0.5 ** (days / 90)).groupby(customer).sum(),
            "returns_value": returns["value"].groupby(customer).sum(),
            "return_recency_days": days.groupby(customer).min(),
        }
    ).astype(float)
