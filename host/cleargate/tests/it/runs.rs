//! Lists, prefixes and journals that are larger than a page.

use std::time::Duration;

use cleargate::{Config, Host, Prune, Pruned, RunQuery};

/// More than the store answers at once.
const RUNS: usize = 1_050;

const ONE: &str = "\
cleargate: 1
flow: one
output: { n: \"${n.n}\" }
nodes:
  n: { type: transform, with: { n: 42 } }
";

const MANY: &str = "\
cleargate: 1
flow: many
output: { n: \"${a.size() + b.size()}\" }
nodes:
  a: { map: \"${[1,2,3,4,5,6,7,8,9,10].map(x, [1,2,3,4,5,6,7,8,9,10])}\", max: 10, as: t, do: {
    i: { map: \"${t}\", max: 10, as: u, do: {
      j: { map: \"${t}\", max: 10, as: v, do: { k: { type: transform, with: { n: \"${v}\" } } }, out: \"${k.n}\" } },
      out: \"${j}\" } }, out: \"${i}\" }
  b: { map: \"${a}\", max: 10, as: t, do: { k: { type: transform, with: { n: 1 } } }, out: \"${k.n}\" }
";

async fn run(host: &Host, flow: &str) -> cleargate::RunId {
    let flow = host.load(flow, false).await.unwrap();
    let running = host.start(&flow, Vec::new(), Default::default()).await.unwrap();
    running.outcome().await.unwrap();
    running.id().clone()
}

#[tokio::test]
async fn what_is_larger_than_a_page_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("one.yaml"), ONE).unwrap();
    std::fs::write(path.join("many.yaml"), MANY).unwrap();
    let host = Host::open(Config::new(path.join("home"), path).in_memory()).await.unwrap();

    let many = run(&host, "many.yaml").await;
    let whole = host.events(&many).await.unwrap();
    assert!(whole.len() > 1_000, "{} records", whole.len());
    let (mut paged, mut pages) = (Vec::new(), 0);
    loop {
        let page = host.events_from(&many, paged.len() as u64).await.unwrap();
        if page.is_empty() {
            break;
        }
        pages += 1;
        paged.extend(page);
    }
    assert!(pages > 1 && paged == whole);
    let details = host.run_details(&many).await.unwrap();
    assert_eq!(details.timeline.events, whole.len());
    let done: u64 = details.timeline.nodes.iter().map(|node| node.succeeded).sum();
    assert_eq!(done, 1_010);

    for _ in 0..RUNS {
        run(&host, "one.yaml").await;
    }
    for (limit, expected) in [(0, 0), (1_000, 1_000), (1_020, 1_020), (9_999, RUNS + 1)] {
        let runs = host.runs(RunQuery { limit, ..RunQuery::default() }).await.unwrap();
        assert_eq!(runs.len(), expected);
        let ids: std::collections::BTreeSet<_> = runs.iter().map(|run| &run.id).collect();
        assert_eq!(ids.len(), expected, "a run is listed twice");
    }
    // The oldest of all, by a part of its id.
    let text = many.as_str();
    assert_eq!(host.find_run(&text[..text.len() - 1]).await.unwrap(), many);
    let several = host.find_run(&text[..2]).await.unwrap_err();
    assert!(several.to_string().contains("several runs"), "{several}");
}

#[tokio::test]
async fn runs_that_have_ended_are_removed_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("one.yaml"), ONE).unwrap();
    std::fs::write(path.join("bad.yaml"), ONE.replace("42", "\"${1 / (2 - 2)}\"")).unwrap();
    let host = Host::open(Config::new(path.join("home"), path).in_memory()).await.unwrap();
    let failed = run(&host, "bad.yaml").await;
    for _ in 0..RUNS {
        run(&host, "one.yaml").await;
    }
    let all = Prune { older_than: Duration::ZERO, status: None, dry_run: false };
    let none = Prune { older_than: Duration::from_secs(3600), ..all };
    assert_eq!(host.prune(none, |_| {}).await.unwrap(), Pruned::default());
    let well = Prune { status: Some("succeeded"), ..all };
    for (prune, left) in [(Prune { dry_run: true, ..well }, RUNS + 1), (well, 1)] {
        let mut told = std::collections::BTreeSet::new();
        let pruned = host.prune(prune, |runs| told.extend(runs.iter().map(|run| run.id.clone())));
        assert_eq!(pruned.await.unwrap().runs, RUNS as u64);
        assert_eq!(told.len(), RUNS);
        let runs = host.runs(RunQuery { limit: 9_999, ..RunQuery::default() }).await.unwrap();
        assert_eq!(runs.len(), left);
    }
    let gone = host.prune(all, |_| {}).await.unwrap();
    assert_eq!((gone.runs, gone.sub_flows), (1, 0));
    assert!(gone.records >= 2, "{gone:?}");
    assert!(host.find_run(failed.as_str()).await.is_err());
}
