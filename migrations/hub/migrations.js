import journal from './meta/_journal.json';
import m0000 from './0000_first.sql';
import m0001 from './0001_circle.sql';
import m0002 from './0002_parted.sql';
import m0003 from './0003_lean_tickets.sql';
import m0004 from './0004_heard.sql';
import m0005 from './0005_left.sql';

  export default {
    journal,
    migrations: {
      m0000,
m0001,
m0002,
m0003,
m0004,
m0005
    }
  }
  