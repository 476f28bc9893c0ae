//! The service as a process of its own, between two upstream hosts: one that works, and one that hangs up.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{env, fs, process};

use axum::Router;
use axum::routing::get;
use reqwest::{Client, RequestBuilder};
use retry_core::GiveUp;
use retry_core::dead_letter::{JsonLinesReader, Reason, StoredLetter};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

#[derive(Deserialize, Serialize)]
struct Order {
    sku: String,
    count: u32,
}

/// The service, and its log.
struct Service(Child, Lines<BufReader<ChildStderr>>);

impl Service {
    fn start(file: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
        command.arg(file).env("RUST_LOG", "info").stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Self(child, log)
    }

    /// Waits for a line of the log, and returns what stands behind `before` there.
    async fn logs(&mut self, before: &str) -> String {
        loop {
            let line = self.1.next_line().await.unwrap().expect("the service goes on");
            if let Some((_, behind)) = line.split_once(before) {
                return behind.to_owned();
            }
        }
    }

    async fn signal(&self, signal: &str) {
        let pid = self.0.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().await.unwrap().success());
    }
}

async fn working_host() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = Router::new().route("/stock/{sku}", get(async || "7"));
    tokio::spawn(axum::serve(listener, routes).into_future());
    address.to_string()
}

/// A host that hangs up, and what tells of each time.
async fn failing_host() -> (String, UnboundedReceiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            let _ = tell.send(());
        }
    });
    (address.to_string(), told)
}

async fn answer(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn a_day_of_the_service() {
    let directory = env::temp_dir().join(format!("service-{}", process::id()));
    fs::create_dir_all(&directory).unwrap();
    let path = |name: &str| -> PathBuf { directory.join(name) };
    let (stock, (orders, mut hung_up)) = (working_host().await, failing_host().await);
    let write = |policy: &str| {
        let (letters, metrics) = (path("letters.jsonl"), path("metrics.prom"));
        let text = format!(
            "listen = '127.0.0.1:0'\nupstream = {{ stock = 'http://{stock}', orders = 'http://{orders}' }}\n\
             policy = {{ {policy} }}\ncircuit = {{ consecutive_failures = 50 }}\nbudget = {{ capacity = 100, retry_cost = 5 }}\n\
             paths = {{ letters = {letters:?}, metrics = {metrics:?} }}\n"
        );
        fs::write(path("new.toml"), text).unwrap();
        fs::rename(path("new.toml"), path("service.toml")).unwrap(); // whole at any time
    };

    write("base_delay = '1ms', max_attempts = 3");
    let mut service = Service::start(&path("service.toml"));
    assert!(service.logs("policy: ").await.starts_with("3 attempts, exponential from 1 ms"));
    assert!(service.logs("circuit: ").await.starts_with("opens after 50 failures in a row"));
    let url = format!("http://{}", service.logs("listening on ").await);
    let client = Client::builder().no_proxy().build().unwrap();
    let order = |count: u32| {
        let request = client.post(format!("{url}/orders")).json(&Order { sku: "apple".into(), count });
        request.header("idempotency-key", format!("o-{count}"))
    };

    assert_eq!(answer(client.get(format!("{url}/stock/apple"))).await, (200, "7".into()));
    let (status, text) = answer(order(1)).await;
    let expected = format!("order.send[{orders}]: gave up after attempt 3 of 3, ");
    assert!(status == 502 && text.starts_with(&expected), "{status} {text}");
    for _ in 0..3 {
        hung_up.recv().await.unwrap();
    }

    write("base_delay = '1ms', max_attempts = 0");
    service.signal("-HUP").await;
    let error = service.logs("not reloaded: ").await;
    assert!(error.ends_with("max_attempts = 0: must be at least 1"), "{error}");
    write("base_delay = '1h', max_delay = '1h', jitter = 'none', max_attempts = 2, start_within = 'none'");
    assert!(service.logs("policy: ").await.starts_with("2 attempts, exponential from 1 h"));

    let (_, metrics) = answer(client.get(format!("{url}/metrics"))).await;
    assert!(metrics.contains(r#"retry_dead_letters_total{operation="order.send",outcome="kept"} 1"#));
    assert_eq!(
        answer(client.get(format!("{url}/health"))).await,
        (200, format!("{stock}: closed\n{orders}: closed\n"))
    );

    // The next order waits an hour for its second attempt; the service does not.
    let stopped = tokio::spawn(answer(order(2)));
    hung_up.recv().await.unwrap();
    service.signal("-TERM").await;
    let (status, text) = stopped.await.unwrap();
    assert!(status == 503 && text.contains(": cancelled after attempt 1 of 2"), "{status} {text}");
    service.logs("stopped").await;
    assert!(service.0.wait().await.unwrap().success());

    let letters = JsonLinesReader::<Order>::open(path("letters.jsonl")).unwrap();
    let ends: Vec<_> = letters
        .map(|stored| {
            stored.map(|StoredLetter { letter, .. }| (letter.reason, letter.payload.count)).unwrap()
        })
        .collect();
    assert_eq!(ends, [(Reason::GaveUp(GiveUp::Attempts), 1), (Reason::Cancelled, 2)]);
    let metrics = fs::read_to_string(path("metrics.prom")).unwrap();
    assert!(metrics.contains(r#"retry_calls_total{operation="order.send",outcome="cancelled"} 1"#));
    fs::remove_dir_all(directory).unwrap();
}
