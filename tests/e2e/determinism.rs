//! The same journeys make the same bytes, whatever the threads and the memory.

use crate::cli::{Market, files, printed, text};

#[test]
fn threads_and_memory_change_no_byte() {
    let market = Market::shared();
    let journey = market.market().join("journey.toml");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = |name: &str, flags: &[&str]| {
        let run = folder.path().join(name);
        std::fs::create_dir_all(&run).expect("a folder can be made");
        std::fs::copy(market.run().join("customer.key"), run.join("customer.key")).expect("a key to copy");
        printed(&[&["ingest", "--journey", text(&journey), "--run", text(&run)], flags].concat());
        printed(
            &[
                &[
                    "train",
                    "--run",
                    text(&run),
                    "--origins",
                    "1",
                    "--max-rows",
                    "800",
                    "--time-budget",
                    "0",
                ],
                flags,
            ]
            .concat(),
        );
        printed(&["models", "--run", text(&run), "promote", "000001"]);
        printed(&[&["score", "--run", text(&run), "--reasons", "top:3"], flags].concat());
        files(&run)
    };
    let one = run("one", &["--threads", "1", "--memory", "64M"]);
    let two = run("two", &["--threads", "2"]);
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(
            *bytes == two[name],
            "{} differs between one thread and two",
            name.display()
        );
    }
}
