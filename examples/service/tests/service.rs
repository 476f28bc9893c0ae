//! Runs the service as a process, with two upstream hosts: one that works, and one that closes every connection.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{env, fs, process};

use axum::Router;
use axum::routing::get;
use reqwest::{Client, RequestBuilder};
use retry_core::GiveUp;
use retry_core::dead_letter::{JsonLinesReader, Reason};
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

struct Service {
    process: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Service {
    fn start(file: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
        command.arg(file).env("RUST_LOG", "info").stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap()).lines();
        Self { process, log }
    }

    /// Waits for a log line that contains `before`, and returns the rest of that line.
    async fn logs(&mut self, before: &str) -> String {
        loop {
            let line = self.log.next_line().await.unwrap().expect("the service is running");
            if let Some((_, after)) = line.split_once(before) {
                return after.to_owned();
            }
        }
    }

    async fn signal(&self, signal: &str) {
        let pid = self.process.id().unwrap().to_string();
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

/// Starts a host that closes every connection, and sends an event for each.
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
async fn the_service_starts_reloads_and_stops() {
    let directory = env::temp_dir().join(format!("service-{}", process::id()));
    let path = |name: &str| -> PathBuf { directory.join(name) };
    let _ = fs::remove_dir_all(&directory); // of a test with the same process id that failed
    fs::create_dir_all(&directory).unwrap();
    let (stock, (orders, mut hung_up)) = (working_host().await, failing_host().await);
    let write = |policy: &str| {
        let text = format!(
            "listen = '127.0.0.1:0'
            upstream = {{ stock = 'http://{stock}', orders = 'http://{orders}' }}
            policy = {{ {policy} }}
            circuit = {{ consecutive_failures = 50 }}
            budget = {{ capacity = 100, retry_cost = 5 }}
            paths = {{ letters = {:?}, metrics = {:?} }}",
            path("letters.jsonl"),
            path("metrics.prom"),
        );
        fs::write(path("new.toml"), text).unwrap();
        fs::rename(path("new.toml"), path("service.toml")).unwrap(); // the service never reads half of a file
    };

    write("base_delay = '1ms', max_attempts = 3");
    let mut service = Service::start(&path("service.toml"));
    assert!(service.logs("policy: ").await.starts_with("3 attempts, exponential from 1 ms"));
    assert!(service.logs("circuit: ").await.starts_with("opens after 50 failures in a row"));
    let url = format!("http://{}", service.logs("listening on ").await);
    let client = Client::builder().no_proxy().build().unwrap();
    let get = |path: &str| answer(client.get(format!("{url}{path}")));
    let order = |count: u32| {
        let request = client.post(format!("{url}/orders")).json(&Order { sku: "apple".into(), count });
        answer(request.header("idempotency-key", count))
    };

    assert_eq!(get("/stock/apple").await, (200, "7".into()));
    for key in [String::new(), "k".repeat(257)] {
        let request = client.post(format!("{url}/orders")).json(&Order { sku: "apple".into(), count: 7 });
        let refused = (400, "the header idempotency-key must have 1 to 256 bytes\n".into());
        assert_eq!(answer(request.header("idempotency-key", key)).await, refused);
    }
    // The caller gets nothing of the upstream host, whose name and error are in the log.
    assert_eq!(order(1).await, (502, "the upstream host failed\n".into()));
    let gave_up = service.logs(&format!("order.send[{orders}]: give up: no attempts left: ")).await;
    assert!(gave_up.contains("attempt 3 of 3"), "{gave_up}");
    for _ in 0..3 {
        hung_up.recv().await.unwrap();
    }

    write("base_delay = '1ms', max_attempts = 0");
    service.signal("-HUP").await;
    let error = service.logs("not reloaded: ").await;
    assert!(error.ends_with("max_attempts = 0: must be at least 1"), "{error}");
    write("base_delay = '1h', max_delay = '1h', jitter = 'none', max_attempts = 2, start_within = 'none'");
    assert!(service.logs("policy: ").await.starts_with("2 attempts, exponential from 1 h"));
    assert!(service.logs("circuit: ").await.starts_with("opens after 50 failures in a row"));

    let (_, metrics) = get("/metrics").await;
    assert!(metrics.contains(r#"retry_dead_letters_total{operation="order.send",outcome="kept"} 1"#));
    assert_eq!(get("/health").await, (200, format!("{stock}: closed\n{orders}: closed\n")));

    // The second order would wait an hour for its second attempt. SIGTERM cancels it.
    let stopped = tokio::spawn(order(2));
    hung_up.recv().await.unwrap();
    service.signal("-TERM").await;
    assert_eq!(stopped.await.unwrap(), (503, "the service stops\n".into()));
    assert!(service.process.wait().await.unwrap().success());

    let letters = JsonLinesReader::<Order>::open(path("letters.jsonl")).unwrap();
    let letters = letters.map(|stored| stored.unwrap().letter);
    let ends: Vec<_> = letters.map(|letter| (letter.reason, letter.payload.count)).collect();
    assert_eq!(ends, [(Reason::GaveUp(GiveUp::Attempts), 1), (Reason::Cancelled, 2)]);
    let metrics = fs::read_to_string(path("metrics.prom")).unwrap();
    assert!(metrics.contains(r#"retry_calls_total{operation="order.send",outcome="cancelled"} 1"#));
    fs::remove_dir_all(directory).unwrap();
}
