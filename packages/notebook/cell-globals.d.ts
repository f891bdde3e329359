/**
 * Shows a value in the cell now, as it would be shown as the cell's last expression: a value with a
 * `Symbol.for("Jupyter.display")` method draws itself, a string is shown as it is, anything else as `console.log`
 * would print it. The cell ends when everything is drawn.
 */
declare function display(value: unknown): void;
