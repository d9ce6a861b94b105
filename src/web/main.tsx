import { render } from 'preact'
import './styles.css'
import './announcements.ts'
import { App } from './app.tsx'
import { start } from './state.ts'

const root = document.querySelector('#app')
if (root !== null) render(<App />, root)
void start()
