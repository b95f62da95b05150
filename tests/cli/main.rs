//! The command as users run it: the built binary, a home folder of its own for each test, nothing inherited.

mod crash;
mod messages;
mod plugin;
mod readme;
mod review;
mod world;
