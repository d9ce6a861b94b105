import { Shell } from './shell.tsx'
import { phase } from './state.ts'
import { Welcome } from './welcome.tsx'

export const App = () => {
  switch (phase.value) {
    case 'starting':
      return (
        <p class="nothing" role="status">
          One moment…
        </p>
      )
    case 'signed-out':
      return <Welcome />
    case 'signed-in':
      return <Shell />
  }
}
