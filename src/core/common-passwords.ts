import { nameKey } from './names.ts'

/** Whether guessers try a password first: a common one, one character again and again, a run, or the account's own names. */
export const isCommonPassword = (password: string, own: { username: string; email: string }): boolean => {
  const key = nameKey(password)
  const names = [own.username, own.email, own.email.split('@')[0] ?? ''].map(nameKey)
  return COMMON.has(key) || names.includes(key) || isMonotonous(key)
}

/** `aaaaaaaa`, `12345678`, `hgfedcba`. */
const isMonotonous = (text: string): boolean => {
  const points = Array.from(text, (character) => character.codePointAt(0) ?? 0)
  const step = (points[1] ?? 0) - (points[0] ?? 0)
  return Math.abs(step) <= 1 && points.every((point, i) => i === 0 || point - (points[i - 1] ?? 0) === step)
}

// The most frequent ones of the public lists that are long enough to be allowed at all.
const COMMON = new Set(
  `password password1 password12 password123 password1234 password! password1! passw0rd p@ssword p@ssw0rd pa$$word
  p@ssword1 p@ssword123 passw0rd1 passw0rd! mypassword newpassword password2 password01 password11 password00 passwort
  passwort1 motdepasse motdepasse1 contraseña contrasena senha123 wachtwoord parola123 1234567890 123456789a a123456789
  0123456789 0987654321 123123123 123321123 12341234 12344321 123454321 1234512345 123456123 123456123456 1234561234
  12345qwert 1234qwer 1qaz2wsx 1qaz2wsx3edc 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1q2w3e4r! qazwsxedc qazwsx123 qweasdzxc
  qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 qwerty12345 qwerty123456 qwertyuiop123 qwer1234 qwert12345 q1w2e3r4
  q1w2e3r4t5 q1w2e3r4t5y6 asdfghjk asdfghjkl asdfasdf asdf1234 asdfjkl; zxcvbnm1 zxcvbnm, zxcvbnm123 azertyuiop azerty123
  aq1sw2de3 zaq12wsx zaq1zaq1 zaq1xsw2 !qaz2wsx 11223344 1122334455 112233445566 22446688 13579246 135792468 147258369
  147852369 159357258 741852963 789456123 963852741 987654321 98765432 87654321 88888888 77777777 99999999 00000000
  11111111 1111111111 111222333 121212121 12121212 131313131 10101010 20202020 19841984 19851985 abcd1234 abcd12345
  abc12345 abc123456 abc123abc abcabc123 a1b2c3d4 a1b2c3d4e5 aa123456 aa12345678 a12345678 a1234567 abcdefgh1 iloveyou
  iloveyou1 iloveyou2 iloveyou! ilovegod lovelove loveyou1 lovely123 princess princess1 sunshine sunshine1 football
  football1 baseball baseball1 basketball superman superman1 batman123 spiderman pokemon123 starwars starwars1 trustno1
  letmein1 letmein123 letmein! welcome1 welcome12 welcome123 welcome1! welcome01 welcome2 admin123 admin1234 admin12345
  admin123456 administrator adminadmin admin@123 root1234 rootroot toor1234 test1234 test12345 testtest testing1
  testing123 tester123 guest123 guestguest user1234 username1 changeme changeme1 changeme123 default1 default123 secret123
  secret12 mysecret topsecret master123 masterkey computer computer1 internet internet1 michelle michael1 jennifer
  jessica1 charlie1 danielle samantha alexander alexander1 nicholas matthew1 victoria elizabeth benjamin veronica
  christian christopher jonathan dragon123 monkey123 shadow123 killer123 whatever whatever1 midnight cocacola chocolate
  chocolate1 butterfly dolphin1 elephant hello123 hello1234 hellohello helloworld freedom1 liverpool liverpool1 arsenal1
  chelsea1 manchester barcelona realmadrid juventus newyork1 mercedes corvette mustang1 ferrari1 porsche1 yamaha123
  samsung1 samsung123 google123 facebook facebook1 linkedin minecraft minecraft1 playstation nintendo counterstrike
  january1 february summer123 summer2024 summer2025 summer2026 winter123 winter2024 winter2025 winter2026 spring2025
  spring2026 autumn2025 monday123 qwerty!1 access14 azerty12 doudou123 bonjour1 bonjour123 jetaime1 soleil123 marseille
  loulou123 chouchou nicolas1 causerie causerie1 causerie123`.split(/\s+/),
)
