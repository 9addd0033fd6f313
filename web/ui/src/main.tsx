// Where the page starts. Not for anything else.
import { render } from "preact";

function App() {
  return <main data-testid="app">holdfast</main>;
}

const root = document.getElementById("app");
if (root) render(<App />, root);
