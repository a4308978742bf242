//! The data scientist's story: how far to trust a model, judged over time, drawn on a page, explained in one's language.

use arrow::array::{Array, AsArray, Float64Array};
use arrow::datatypes::Float64Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::cli::{Market, percorso, printed, text};

fn evaluation() -> Value {
    let run = Market::shared().run();
    serde_json::from_str(&printed(&["evaluate", "--run", text(&run), "--json"])).expect("one object")
}

fn shipped(question: &Value, measure: &str) -> f64 {
    let learners = question["learners"].as_array().expect("learners");
    let shipped = learners.last().expect("what ships");
    assert_eq!(shipped["learner"], "shipped");
    shipped["measures"][measure].as_f64().expect("a measure")
}

#[test]
fn leaving_over_time_is_judged_as_each_horizon_is() {
    // Nobody goes out of sight before the horizons of the test are over, so two ways to one number: from the labels of
    // each horizon, and from how long each customer stayed.
    let evaluation = evaluation();
    let points = evaluation["stays"][0]["points"].as_array().expect("points");
    let days: Vec<u64> = points
        .iter()
        .map(|point| point["days"].as_f64().expect("days") as u64)
        .collect();
    assert_eq!(days, [30, 90]);
    let questions = evaluation["questions"].as_array().expect("questions");
    for point in points {
        let name = format!("churn/left_{}d", point["days"]).replace(".0d", "d");
        let question = questions.iter().find(|question| question["question"] == name.as_str());
        let question = question.unwrap_or_else(|| panic!("{name} was asked"));
        let (over_time, of_labels) = (point["brier"].as_f64().expect("a score"), shipped(question, "brier"));
        assert!(
            (over_time - of_labels).abs() < 1e-9,
            "{name}: {over_time} and {of_labels}"
        );
        let came = point["all"]["came"].as_f64().expect("a share");
        assert!((came - shipped(question, "rate")).abs() < 1e-9, "{name}: {came}");
    }
    let [sooner, later] = [&points[0], &points[1]].map(|point| point["all"]["told"].as_f64().expect("a share"));
    assert!(sooner < later, "{sooner} within 30 days, {later} within 90");
}

#[test]
fn sets_of_stages_hold_the_likeliest_and_about_as_often_what_comes_as_they_say() {
    let evaluation = evaluation();
    let questions = evaluation["questions"].as_array().expect("questions");
    let next = questions.iter().find(|question| question["question"] == "next-stage");
    let trust = &next.expect("the next stage is asked")["trust"];
    let number = |name: &str| trust[name].as_f64().unwrap_or_else(|| panic!("{name} in {trust}"));
    assert!(!trust["origins"].as_array().expect("cut-offs").is_empty());
    assert!((number("realised") - number("stated")).abs() < 0.07, "{trust}");
    assert!(number("share_of_all") < 0.5 && number("mean_size") > 1.0, "{trust}");
    let run = Market::shared().run();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("scores.parquet");
    printed(&["score", "--run", text(&run), "--output", text(&file)]);
    let opened = std::fs::File::open(&file).expect("scores");
    let reader = ParquetRecordBatchReaderBuilder::try_new(opened).expect("Parquet");
    let (mut n_customers, mut n_possible, mut n_classes) = (0, 0, 0);
    for batch in reader.build().expect("a reader").map(|batch| batch.expect("a batch")) {
        let numbers = |name: &str| {
            batch
                .column_by_name(name)
                .expect(name)
                .as_primitive::<Float64Type>()
                .clone()
        };
        let schema = batch.schema();
        let names = schema.fields().iter().map(|field| field.name().as_str());
        let classes: Vec<(&str, _)> = names
            .filter_map(|name| Some((name.strip_prefix("next_stage_")?, name)))
            .filter(|(class, _)| *class != "reasons")
            .map(|(class, name)| (class, numbers(name)))
            .collect();
        let [low, high] = ["low", "high"].map(|end| numbers(&format!("likeliest_next_stage_{end}")));
        let sets = batch
            .column_by_name("possible_next_stages")
            .expect("sets")
            .as_list::<i32>();
        for row in 0..batch.num_rows() {
            let by_probability = |one: &&(&str, Float64Array), other: &&(&str, Float64Array)| {
                one.1.value(row).total_cmp(&other.1.value(row))
            };
            let (likeliest, p) = classes.iter().max_by(by_probability).expect("classes");
            assert!(low.value(row) <= p.value(row) && p.value(row) <= high.value(row));
            let set = sets.value(row);
            assert!(set.as_string::<i32>().iter().flatten().any(|class| class == *likeliest));
            (n_customers, n_possible, n_classes) = (n_customers + 1, n_possible + set.len(), classes.len());
        }
    }
    assert!(n_customers > 100, "{n_customers} customers");
    // What serves is what was judged: sets of about the same size, and not of everything.
    let mean_size = n_possible as f64 / f64::from(n_customers);
    assert!(
        (mean_size - number("mean_size")).abs() < 1.0 && mean_size < n_classes as f64 - 0.5,
        "{mean_size}: {trust}"
    );
}

#[test]
fn the_report_is_written_by_training_and_again_on_request() {
    let run = Market::shared().run();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = folder.path().join("page.html");
    printed(&["evaluate", "--run", text(&run), "--report", text(&page)]);
    let again = std::fs::read_to_string(page).expect("a page");
    let trained = std::fs::read_to_string(run.join("training/report.html")).expect("a page");
    assert_eq!(again, trained);
    assert!(again.contains("<svg") && again.contains("churn/left_90d") && !again.contains("NaN"));
}

#[test]
fn reasons_are_told_in_the_language_asked_for() {
    let run = Market::shared().run();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("scores.parquet");
    let ask = |language| {
        percorso(&[
            "score",
            "--run",
            text(&run),
            "--reasons",
            "top:2",
            "--language",
            language,
            "--output",
            text(&file),
        ])
    };
    assert!(ask("it").status.success());
    let opened = std::fs::File::open(&file).expect("scores");
    let reader = ParquetRecordBatchReaderBuilder::try_new(opened)
        .expect("Parquet")
        .build()
        .expect("a reader");
    let mut n_told = 0;
    for batch in reader.map(|batch| batch.expect("a batch")) {
        for column in ["next_stage_reasons", "churn_left_90d_reasons"] {
            let lists = batch.column_by_name(column).expect(column).as_list::<i32>();
            for told in (0..lists.len())
                .filter(|&row| lists.is_valid(row))
                .map(|row| lists.value(row))
            {
                for sentence in told.as_string::<i32>().iter().flatten() {
                    let effects = [
                        "aumenta il rischio",
                        "riduce il rischio",
                        "più probabile)",
                        "meno probabile)",
                    ];
                    assert!(effects.iter().any(|effect| sentence.contains(effect)), "{sentence}");
                    assert!(
                        !sentence.contains("_days") && !sentence.contains("_decayed"),
                        "{sentence}"
                    );
                    n_told += 1;
                }
            }
        }
    }
    assert!(n_told > 0, "no reason was told");
    let refused = ask("tlh");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("expected en, it or es"));
}

#[test]
fn customers_in_order_of_time_judge_how_long_they_stay() {
    let journey = Market::shared().market().join("journey.toml");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (said, rows) = (folder.path().join("said.csv"), folder.path().join("rows.parquet"));
    let judged = printed(&[
        "benchmark",
        "stays",
        "--journey",
        text(&journey),
        "--split",
        "2025-01-01",
        "--json",
        "--predictions",
        text(&said),
        "--rows",
        text(&rows),
    ]);
    let judged: Vec<Value> = judged
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object"))
        .collect();
    let last = judged.last().expect("what ships comes last");
    assert_eq!(
        (&last["learner"], &last["stays"]["definition"]),
        (&"shipped".into(), &"left".into())
    );
    let n = last["stays"]["n"].as_u64().expect("a number") as usize;
    let said = std::fs::read_to_string(said).expect("predictions");
    assert_eq!(said.lines().count(), 1 + 2 * n, "one line for each row and horizon");
    for line in said.lines().skip(1) {
        let as_of = line.split(',').nth(3).expect("a cut-off");
        assert!(as_of >= "2025-01-01", "{line} is asked before the split");
    }
    let refused = percorso(&["benchmark", "stays", "--journey", text(&journey), "--split", "soon"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("expected a date or a time"));
}
