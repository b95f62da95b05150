//! Closes the two doors through which JavaScript reaches the machine without an import: the clock and chance.
//!
//! A plugin has neither unless it imports the host's, which the journal keeps. Without this, the first use would stop
//! the component with a trap that names nothing.

const NativeDate = Date;

const without = (what, instead) => new Error(`a plugin has no ${what} of its own; import ${instead}`);
const noClock = () => without("clock", "`now` from `#cleargate/clock`");

globalThis.Date = class Date extends NativeDate {
  constructor(...parts) {
    if (parts.length === 0) throw noClock();
    super(...parts);
  }

  static now() {
    throw noClock();
  }
};

Math.random = () => {
  throw without("source of chance", "`bytes` from `#cleargate/random`");
};
