//! A build whose process was killed runs again. The program of this test is also the process that it kills, which a
//! test harness has no room for: hence a `main` of its own.

#[cfg(test)]
mod support;

/// In the environment of the process that is killed: the folder of its pipeline.
const VICTIM: &str = "TRIREME_TEST_VICTIM";

#[tokio::main]
async fn main() {
    match std::env::var_os(VICTIM) {
        Some(dir) => test::run_until_killed(dir.as_ref()).await,
        None => test::a_build_that_was_killed_runs_again().await,
    }
}

#[cfg(test)]
mod test {
    use std::{
        path::Path,
        process::{Child, Command, Stdio},
    };

    use super::{VICTIM, support::*};
    use trireme_runner::*;

    const JOB: &str = "
- name: first
  plan:
  - {get: a, trigger: true}
  - {put: b, params: {v: made}}
  - {put: c, params: {v: last, wait: FILE}}
";

    pub(super) async fn run_until_killed(dir: &Path) {
        let (jobs, vars, supply) = Default::default();
        let options = options(dir, jobs, vars, supply);
        let state = state(dir).unwrap();
        let runner = Runner::new(options, state).unwrap();
        runner.run(&Interrupt::new()).await.unwrap();
    }

    pub(super) async fn a_build_that_was_killed_runs_again() {
        let world = World::new(JOB);
        let file = world.path("pipeline.yml");
        let go = world.path("go").display().to_string();
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("FILE", &go)).unwrap();
        world.found("a", &["1"]);

        let mut victim = start_victim(world.dir.path());
        world.until("c/waiting").await;
        victim.kill().unwrap();
        victim.wait().unwrap();

        // The mock resource is a shell script and outlives its parent; it must not touch what follows.
        std::fs::write(world.path("go"), "").unwrap();
        let report = world.run().await;
        let builds: Vec<_> = report.builds().collect();
        assert_eq!(statuses(&report), [Status::Succeeded]);
        assert_eq!(builds[0].number, 2, "the killed build keeps its number");
        assert!(world.run().await.nothing_to_do());
    }

    fn start_victim(dir: &Path) -> Child {
        Command::new(std::env::current_exe().unwrap())
            .env(VICTIM, dir)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }
}
